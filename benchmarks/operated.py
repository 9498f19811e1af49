"""supctl's daemon, as an operator has it: started and stopped by its commands."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import supctl
from supctl.control.client import Client

from .contestant import Contestant
from .peers import installed_environ
from .probe import Probe

_ROOT = """\
[supervisor]
start = "concurrent"
"""
"""As the tree of :mod:`.ours` is, and the bare loop: nobody waits for somebody else."""

_PROGRAM = """
[apps.app{number}]
command = ["{program}"]
stop = {{ grace = "10s" }}
backoff = {{ initial = "0s" }}
"""


class Operated(Contestant):
    """The daemon of a home of its own."""

    name = "supctl daemon"

    def __init__(self, probe: Probe, folder: Path) -> None:
        super().__init__(probe, folder)
        self._home = folder / "home"
        self.environ = {**installed_environ(), "SUPCTL_HOME": str(self._home)}

    def begin(self, count: int) -> int:
        file = self.folder / "bench.toml"
        apps = range(count)
        file.write_text(
            _ROOT + "".join(_PROGRAM.format(number=n, program=self.probe.program) for n in apps)
        )
        self.command("daemon", "start")
        self._pids = self._find_pids()  # to ask later would wake the daemon that is to idle
        asked_at = time.monotonic_ns()
        self.command("start", str(file))
        return asked_at

    def command(self, *words: str) -> None:
        """Run a command of supctl."""
        subprocess.run(
            [sys.executable, "-m", "supctl", *words],
            env=self.environ,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    @property
    def client(self) -> Client:
        """A conversation with the daemon, to be closed."""
        return supctl.connect(self._home).__enter__()

    @property
    def socket(self) -> str:
        """Where it listens."""
        return str(self._home / "run" / "control.sock")

    @property
    def pids(self) -> Sequence[int]:
        return self._pids

    def _find_pids(self) -> list[int]:
        with self.client as client:
            about = client.about()
        return [about["pid"], about["reaper"]]

    def end(self) -> float:
        with self.client as client:
            asked_at = time.monotonic_ns()
            client.stop("all")
            seconds = (time.monotonic_ns() - asked_at) / 1e9
        self.command("kill", "--yes")
        return seconds
