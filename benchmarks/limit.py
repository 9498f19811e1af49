"""The limit: what a loop of posix_spawn, pidfd and poll can do, without any supervision."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time

from .contestant import Driver


class Limit(Driver):
    """The bare loop."""

    name, module = "bare loop", "benchmarks.limit"


class _Loop:
    def __init__(self, program: str) -> None:
        self._program = program
        self._poll = select.poll()
        self._poll.register(0, select.POLLIN)
        self._pids: dict[int, int] = {}

    def spawn(self) -> None:
        pid = os.posix_spawn(self._program, [self._program], {}, setsid=True)
        fd = os.pidfd_open(pid)
        self._poll.register(fd, select.POLLIN)
        self._pids[fd] = pid

    def run(self) -> None:
        print("ready", flush=True)
        while True:
            for fd, _ in self._poll.poll():
                if fd == 0:
                    self._obey(os.read(0, 4096).decode().split())
                else:
                    self._reap(fd)
                    self.spawn()

    def _reap(self, fd: int) -> None:
        self._poll.unregister(fd)
        os.waitpid(self._pids.pop(fd), 0)
        os.close(fd)

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["up", count]:
                for _ in range(int(count)):
                    self.spawn()
            case ["spawn"]:
                asked_at = time.monotonic_ns()
                self.spawn()
                print(asked_at, flush=True)
            case _:
                asked_at = time.monotonic_ns()
                for pid in self._pids.values():
                    os.kill(pid, signal.SIGTERM)
                for fd in list(self._pids):
                    self._reap(fd)
                print((time.monotonic_ns() - asked_at) / 1e9, flush=True)
                sys.exit()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _Loop(sys.argv[1]).run()
