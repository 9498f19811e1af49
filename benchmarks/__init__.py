"""Speed and memory of supctl, as ratios against a bare loop and against runit, in one run.

``python -m benchmarks`` prints the table; ``--quick`` measures with fewer apps and less patience.

- ``probe``: the tiny program that everybody runs; it tells the moment of its first instruction.
- ``limit``: the limit, a bare loop of posix_spawn, pidfd and poll without any supervision.
- ``ours``: supctl.   ``runit``: one ``runsv`` a program, the peer to beat.
- ``contestant``: what the three have in common.   ``figures``: what is measured of them.
"""
