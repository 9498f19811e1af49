"""``multiprocessing`` with its forkserver: a process and a pipe to talk over."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection

from .stopwatch import PAYLOAD, tell

_STARTS = 30


def _echo(pipe: Connection) -> None:
    pipe.send(pipe.recv())


def _main() -> None:
    context = multiprocessing.get_context("forkserver")
    seconds = []
    for _ in range(_STARTS):
        began_at = time.perf_counter()
        ours, theirs = context.Pipe()
        process = context.Process(target=_echo, args=(theirs,))
        process.start()
        ours.send(PAYLOAD)
        ours.recv()
        seconds.append(time.perf_counter() - began_at)
        process.join()
        for end in (ours, theirs):
            end.close()
    tell({"start": statistics.median(seconds)})


if __name__ == "__main__":
    _main()
