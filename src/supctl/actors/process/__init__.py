"""Actors in processes of their own.

- ``switchboard``: which process a reference leads to, and the way there.   ``remote``: what such
  a reference does.
- ``host``: the program of the process.   ``worker``: one life of it, as its supervisor sees it.
"""
