"""A daemon of a test's own, as its user has it: started and asked by the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from supctl.control.client import Client
from supctl.control.home import Home
from supctl.control.reaching import reach

NOBODY = 65534

_AS_SOMEBODY = """
import os, sys
import supctl.cli.daemon, supctl.cli.lifecycle, supctl.cli.main, supctl.cli.status
import supctl.config.units, supctl.control.launch, supctl.control.reaching, supctl.cli.reach
uid, group, *words = sys.argv[1:]
os.setgroups([int(group)])
os.setgid(int(uid))
os.setuid(int(uid))
supctl.cli.main.main(words, prog_name="supctl")
"""
"""Imports first: another user need not be able to read where Python is."""


@dataclass
class Desk:
    """A shell at which somebody uses supctl.

    Args:
        directory: where it is, and where files are written.
        home: of the daemon.
    """

    directory: Path
    home: Home

    @property
    def base(self) -> Path:
        return self.home.run.parent

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "SUPCTL_HOME": str(self.base), "NO_COLOR": "1"}

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "supctl", *words],
            cwd=self.directory,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def shell(self, command: str) -> str:
        """Return what a line of a shell prints, mistakes among the rest."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.directory,
            env={**self.environ, "PATH": path, "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=50,
        )
        return done.stdout

    def run(self, *words: str, status: int = 0) -> str:
        """Run a command; return what it printed, mistakes behind the rest."""
        with self.popen(*words) as command:
            out, err = command.communicate(timeout=50)
        assert command.returncode == status, out + err
        return out + err

    def run_as(self, uid: int, group: int, *words: str) -> tuple[int, str]:
        """Run a command as another user, who stands in the directory above the daemon's;
        return its status and what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", _AS_SOMEBODY, str(uid), str(group), *words],
            cwd=self.base,
            env={**self.environ, "SUPCTL_HOME": "/proc/self/cwd"},
            capture_output=True,
            text=True,
            timeout=50,
        )
        return done.returncode, done.stdout + done.stderr

    def json(self, *words: str, status: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", status=status))

    def write(self, text: str, name: str = "shop.toml") -> str:
        (self.directory / name).write_text(text)
        return name

    def client(self) -> Client:
        return Client(reach(self.home))

    def states(self) -> dict[str, str]:
        return {row["address"]: row["state"] for row in self.json("status")}

    def kill_all(self) -> None:
        """Kill daemon and reaper in one moment; what they hold lives on."""
        daemon = psutil.Process(self.json("daemon", "status")["pid"])
        reaper = daemon.parent()
        assert reaper is not None
        for process in (reaper, daemon):
            process.suspend()
        for process in (reaper, daemon):
            process.kill()
        _gone, alive = psutil.wait_procs([reaper, daemon], timeout=20)
        assert not alive

    def pid(self, address: str) -> int:
        (row,) = self.json("status", address)
        pid: int = row["pid"]
        return pid


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Return when something holds, which nobody tells."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come so far"
        time.sleep(0.01)


@contextmanager
def desk_in(place: Path) -> Iterator[Desk]:
    """Give a desk whose daemon is stopped at the end, if one runs."""
    here = place / "here"
    here.mkdir()
    desk = Desk(here, Home.of({"SUPCTL_HOME": str(place / "home")}))
    yield desk
    with desk.popen("kill", "--yes") as command:
        command.communicate(timeout=50)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk of a test's own."""
    with desk_in(tmp_path) as desk:
        yield desk
