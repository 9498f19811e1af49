"""The floor: trio's own pipe streams and msgpack between two processes, and no protocol."""

from __future__ import annotations

import gc

import trio

from benchmarks import ipc

from .stopwatch import Figures, rounds, tell


def main() -> None:
    """Measure once."""
    gc.freeze()  # what was imported is not what is measured
    pipes = ipc.Pipes(ipc.bare_peer)
    seen: Figures = trio.run(ipc.floor, pipes, rounds())
    pipes.wait()
    tell({"median": seen["round trip"], "p99": seen["round trip, p99"], **seen})


if __name__ == "__main__":
    main()
