"""What keeps programs alive, as the benchmark sees it: a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from .probe import Probe, Start


class Contestant(ABC):
    """Keeps ``count`` copies of the probe alive, without delay before a restart."""

    name: str

    def __init__(self, probe: Probe, folder: Path) -> None:
        self.probe, self.folder = probe, folder
        self.running: list[Start] = []

    @abstractmethod
    def begin(self, count: int) -> int:
        """Have ``count`` programs started; return the moment of the request (monotonic ns)."""

    @abstractmethod
    def end(self) -> float:
        """Stop all programs; return the seconds until all were gone."""

    @property
    @abstractmethod
    def pids(self) -> Sequence[int]:
        """The processes that do the work, without the programs."""

    def up(self, count: int) -> float:
        """Start ``count`` programs; return the seconds until the last ran."""
        asked_at = self.begin(count)
        self.running = self.probe.take(count)
        return (max(start.at_ns for start in self.running) - asked_at) / 1e9


class Driver(Contestant):
    """A contestant that is a Python program: told what to do by lines, tells by lines."""

    module: str

    def begin(self, count: int) -> int:
        return self.begin_with(f"up {count}")

    def begin_with(self, line: str) -> int:
        """Start the process and send it ``line``; return when that was (monotonic ns)."""
        command = [sys.executable, "-m", self.module, str(self.probe.program), str(self.folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.told()
        asked_at = time.monotonic_ns()
        self.tell(line)
        return asked_at

    def tell(self, line: str) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def told(self) -> str:
        """Wait for a line."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def spawn_one(self) -> float:
        """Have one more program started; return the seconds from request to running."""
        self.tell("spawn")
        asked_at = int(self.told())
        (start,) = self.probe.take(1)
        return (start.at_ns - asked_at) / 1e9

    def end(self) -> float:
        self.tell("stop")
        seconds = float(self.told())
        self._process.communicate(timeout=60)
        return seconds

    @property
    def pids(self) -> Sequence[int]:
        return [self._process.pid]
