"""Speed and memory of supctl, each figure beside what it can be compared with in the same run.

``python -m benchmarks [PART]`` prints a table for each part; ``--quick`` measures with fewer apps
and less patience.

Part ``apps``, real programs:

- ``probe``: the tiny program that everybody runs; it tells the moment of its first instruction.
- ``limit``: the limit, a bare loop of posix_spawn, pidfd and poll without any supervision.
- ``ours``: supctl.   ``runit``: one ``runsv`` a program, the peer to beat.
- ``contestant``: what the three have in common.   ``figures``: what is measured of them.

Part ``supervision``, decisions without programs:

- ``core``: events through the pure core, against a bare loop of the same values.
- ``trees``: trees of 10,000 children in a simulated world, against bare tasks.
- ``rehearsal``: 1,000 virtual hours of a tree.

Part ``tasks``: actors that are tasks, against a bare task and a channel.

Part ``actors``, in processes and as tasks, against a bare loop and against what others have
(installed for the occasion): see ``benchmarks.actors``.

Part ``daemon``, what an operator waits for: commands against ``import click, msgpack`` and against
supervisorctl and PM2 with as many programs (installed for the occasion, left out with a word where
that fails); the daemon while it starts, stops, idles and is asked by 200 at once.

``python -m benchmarks.ipc`` is the protocol alone, against the same bare loop.
"""
