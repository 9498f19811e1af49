"""runit: one ``runsv`` for each program."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Sequence

from .contestant import Contestant


class Runit(Contestant):
    """``runsv`` of Debian's runit."""

    name = "runit"

    @staticmethod
    def is_there() -> bool:
        """Whether it is installed."""
        return shutil.which("runsv") is not None

    def begin(self, count: int) -> int:
        runsv = shutil.which("runsv")
        assert runsv is not None
        services = []
        for number in range(count):
            service = self.folder / f"service{count}-{number}"
            service.mkdir()
            os.link(self.probe.program, service / "run")
            services.append(str(service))
        self._pids: list[int] = []
        asked_at = time.monotonic_ns()
        for path in services:
            self._pids.append(os.posix_spawn(runsv, ["runsv", path], {"PATH": os.defpath}))
        return asked_at

    def end(self) -> float:
        asked_at = time.monotonic_ns()
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)
        for pid in self._pids:
            os.waitpid(pid, 0)
        return (time.monotonic_ns() - asked_at) / 1e9

    @property
    def pids(self) -> Sequence[int]:
        return self._pids
