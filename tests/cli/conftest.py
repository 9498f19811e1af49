"""The command as its users run it: a process of its own, seen by its output and its end."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 20.0
"""Seconds after which a line that has not come will not come."""


class Command:
    """A running ``supctl``; its lines are read as they come."""

    def __init__(self, arguments: list[str], cwd: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "supctl", *arguments],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._unmatched: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.decode("utf-8", "replace").rstrip("\n"))
        self._queue.put(None)

    @property
    def text(self) -> str:
        """All that has been printed and waited for."""
        return "\n".join(self.lines)

    def wait_line(self, pattern: str) -> re.Match[str]:
        """Return the match of the first line with ``pattern`` that was not matched before.

        Output and events come from two threads: which of two such lines is first is open.
        """
        for line in self._unmatched:
            if found := re.search(pattern, line):
                self._unmatched.remove(line)
                return found
        while True:
            try:
                new = self._queue.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no line with {pattern!r} in:\n{self.text}") from None
            if new is None:
                raise AssertionError(f"ended without a line with {pattern!r}:\n{self.text}")
            self.lines.append(new)
            if found := re.search(pattern, new):
                return found
            self._unmatched.append(new)

    def pid_of(self, name: str) -> int:
        """Wait until an app has started and return its pid."""
        return int(self.wait_line(rf"supctl: {re.escape(name)} started, pid (\d+)")[1])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the command itself."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Return its exit status; all its lines are in ``lines`` then."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while (line := self._queue.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return status

    def close(self) -> None:
        """End it if the test has not."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


Supctl = Callable[..., Command]


@pytest.fixture
def supctl(tmp_path: Path) -> Iterator[Supctl]:
    """Start ``supctl`` with arguments, in ``tmp_path``; returns the running :class:`Command`."""
    commands: list[Command] = []
    env = dict(os.environ) | {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}

    def start(*arguments: str | Path) -> Command:
        command = Command([str(argument) for argument in arguments], tmp_path, env)
        commands.append(command)
        return command

    yield start
    for command in commands:
        command.close()
