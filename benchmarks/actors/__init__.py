"""Actors in processes of their own, against a bare loop and against what else there is.

- ``floor``, ``ours``, ``futures``, ``forkserver``, ``on_tractor``, ``on_ray``: the contestants.
  Each is a program that measures once and prints its figures as JSON.
- ``faults``: what is measured of ours besides: a kill, and a cancel.
- ``stopwatch``: how all of them measure.   ``echo``: the actor that ours calls.
- ``environment``: where the programs of others are installed.   ``contest``: runs them in turns.
- ``report``: the rows, and the goals.
"""
