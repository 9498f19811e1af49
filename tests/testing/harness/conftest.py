"""What the tests of the harness share: small programs, and pytest as its users run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from supctl import App, Backoff

PATIENCE = 50.0
"""Seconds after which something that has not come will not come."""

MARKER = "SUPCTL_HARNESS_TEST"
AT_ONCE = Backoff(initial=0.0)

MakeApp = Callable[..., App]


@pytest.fixture
def python() -> MakeApp:
    """Make an app of a few lines of Python that comes back at once: ``python("a", "print(1)")``."""

    def make(name: str, code: str, **keys: Any) -> App:
        command = [sys.executable, "-u", "-c", textwrap.dedent(code)]
        return App(name, command, **{"backoff": AT_ONCE, **keys})

    return make


@dataclass(frozen=True)
class Outcome:
    """How a session of pytest ended and what it printed."""

    status: int
    text: str

    def check(self, **counts: int) -> None:
        """Assert how many tests passed, failed and had errors."""
        last = self.text.strip().splitlines()[-1]
        for word, count in counts.items():
            singular = word.removesuffix("s")
            assert f"{count} {word}" in last or f"{count} {singular}" in last, self.text


class Session:
    """A session of pytest in a process of its own; what it starts can be told by a marker."""

    def __init__(self, directory: Path, arguments: tuple[str, ...]) -> None:
        self._marker = uuid.uuid4().hex
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=directory,
            env=os.environ | {MARKER: self._marker, "PYTEST_ADDOPTS": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self) -> Outcome:
        """Return how it ended."""
        output, _ = self.process.communicate(timeout=PATIENCE)
        return Outcome(self.process.returncode, output.decode("utf-8", "replace"))

    def wait_file(self, name: str) -> str:
        """Return what is in a file that a test writes at last; it says where the test is."""
        path = self.directory / name
        deadline = time.monotonic() + PATIENCE
        while not path.exists() or not path.read_text().endswith("\n"):
            assert self.process.poll() is None, self.wait().text
            assert time.monotonic() < deadline, f"no {name}"
            time.sleep(0.01)
        return path.read_text().strip()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to pytest, and to nothing else."""
        self.process.send_signal(number)

    def wait_nothing_left(self) -> None:
        """Return when no process lives that has come from this session."""
        deadline = time.monotonic() + PATIENCE
        while left := self.carriers():
            assert time.monotonic() < deadline, [process.cmdline() for process in left]
            psutil.wait_procs(left, timeout=0.2)

    def carriers(self) -> list[psutil.Process]:
        """Return the processes that have the marker in their environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARKER) == self._marker:
                    found.append(process)
            except psutil.Error:  # a zombie, or a stranger's
                continue
        return found

    def close(self) -> None:
        """End it if the test has not."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()
        self.wait_nothing_left()


StartSession = Callable[..., Session]
StartPytest = Callable[..., Session]
RunPytest = Callable[..., Outcome]


@pytest.fixture
def start_session() -> Iterator[StartSession]:
    """Start pytest in a directory: ``start_session(directory, "-x")``."""
    sessions: list[Session] = []

    def start(directory: Path, *arguments: str) -> Session:
        sessions.append(Session(directory, arguments))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


@pytest.fixture
def start_pytest(start_session: StartSession, tmp_path: Path) -> StartPytest:
    """Start pytest on the text of a test file: ``start_pytest("def test(): ...", "-x")``."""

    def start(
        text: str, *arguments: str, ini: str = "trio_mode = true", head: str = HEAD
    ) -> Session:
        (tmp_path / "test_it.py").write_text(head + textwrap.dedent(text))
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{ini}\n")
        return start_session(tmp_path, *arguments)

    return start


@pytest.fixture
def run_pytest(start_pytest: StartPytest) -> RunPytest:
    """Run pytest on the text of a test file to its end."""

    def run(text: str, *arguments: str, **keys: str) -> Outcome:
        return start_pytest(text, *arguments, **keys).wait()

    return run


HEAD = """\
import os, signal, sys, time
from pathlib import Path
import pytest
from supctl import App, Backoff, Supervisor
from supctl.testing import Http, Output, Program, Tcp, WaitFailed, chaos

def python(name, code, **keys):
    return App(name, [sys.executable, "-u", "-c", code], backoff=Backoff(initial=0), **keys)

def tell(name, value):
    Path(name).write_text(f"{value}\\n")

SLEEP = "import time; print('up'); time.sleep(1000)"
"""
