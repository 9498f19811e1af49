"""Fixtures for all tests, and the proof at the end of the session that nothing of ours is left."""

from __future__ import annotations

import ctypes
import gc
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def programs() -> Path:
    """The directory of small programs that misbehave on purpose."""
    return Path(__file__).parent / "programs"


# The proof. It is part of the session, not a test: no selection of tests leaves it out.


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background job has SIGINT ignored, and hands that on to all that we start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform == "linux":
        config.pluginmanager.register(LeakProof(), "leak-proof")


def pytest_report_header() -> str:
    if sys.platform == "linux":
        return "leak proof: processes, descriptors, sockets, cgroups and files, at the end"
    return f"leak proof: none on {sys.platform}, it reads /proc"


@dataclass(frozen=True)
class Belongings:
    """What could be ours on this machine at one moment, as phrases or names that compare."""

    descriptors: frozenset[str]
    sockets: frozenset[str]
    files: frozenset[str]
    cgroups: frozenset[str]

    @classmethod
    def seen(cls) -> Belongings:
        return cls(
            descriptors=frozenset(open_descriptors()),
            sockets=frozenset(path for path in unix_sockets() if "supctl" in path),
            files=frozenset(str(path) for path in Path(tempfile.gettempdir()).glob("supctl*")),
            cgroups=frozenset(cgroups_of_ours()),
        )


class LeakProof:
    """Watches the session from start to end and fails it if something is left.

    Orphans become our children (we are a subreaper), so that whatever was started below this
    session is found by parenthood; the environment marker finds what got away nevertheless.
    The runtime directory is one of our own: what is left in it was left by us.
    """

    MARKER = "SUPCTL_TEST_SESSION"

    def __init__(self) -> None:
        self._leaks: list[str] = []
        self._own_children: set[int] = set()
        self._patch = pytest.MonkeyPatch()

    def pytest_sessionstart(self) -> None:
        _become_subreaper()
        self._marker = f"{self.MARKER}={uuid.uuid4()}"
        self._private = Path(tempfile.mkdtemp(prefix="tests-of-supctl-"))
        self._runtime = self._private / "run"
        self._runtime.mkdir(mode=0o700)
        self._patch.setenv(*self._marker.split("="))
        self._patch.setenv("XDG_RUNTIME_DIR", str(self._runtime))
        self._patch.setenv("XDG_STATE_HOME", str(self._private / "state"))
        self._remember_own_children()
        self._before = Belongings.seen()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._patch.undo()
        gc.collect()  # what only a reference cycle kept open is no leak
        self._leaks += self._processes() + self._things()
        shutil.rmtree(self._private)
        if self._leaks:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._leaks:
            terminalreporter.section("left behind by this session", red=True, bold=True)
            for leak in self._leaks:
                terminalreporter.line(leak, red=True)

    def _remember_own_children(self) -> None:
        """Tell our own children from orphans we adopted: only the former are ours to reap."""

        def remembering(start: Callable[..., int]) -> Callable[..., int]:
            @wraps(start)
            def started(*args: Any, **kwargs: Any) -> int:
                pid = start(*args, **kwargs)
                self._own_children.add(pid)
                return pid

            return started

        popen = subprocess.Popen.__init__

        @wraps(popen)
        def started(process: Any, *args: Any, **kwargs: Any) -> None:
            popen(process, *args, **kwargs)
            self._own_children.add(process.pid)

        self._patch.setattr(subprocess.Popen, "__init__", started)
        self._patch.setattr(os, "fork", remembering(os.fork))
        self._patch.setattr(os, "posix_spawn", remembering(os.posix_spawn))

    def _processes(self) -> list[str]:
        """List the processes that are left, and end them: the machine is not ours to litter."""
        _await_ends(_descendants() | _carriers(self._marker))
        left = _descendants() | _carriers(self._marker)
        told = []
        for pid in sorted(left):
            state = _state(pid)
            if state == "Z":
                if pid in self._own_children:
                    told.append(f"zombie {pid} {_name(pid)}: nobody waited for it")
                with suppress(ChildProcessError):  # an orphan's; init would have reaped it
                    os.waitpid(pid, os.WNOHANG)
            elif state:
                told.append(f"process {pid} {_name(pid)}")
        _kill_all(left)
        return told

    def _things(self) -> list[str]:
        now, before = Belongings.seen(), self._before
        in_runtime = {str(path) for path in self._runtime.rglob("*")}
        return [
            *(f"descriptor {item}" for item in sorted(now.descriptors - before.descriptors)),
            *(f"socket {item}" for item in sorted(now.sockets - before.sockets)),
            *(f"file {item}" for item in sorted(now.files - before.files | in_runtime)),
            *(f"cgroup {item}" for item in sorted(now.cgroups - before.cgroups)),
        ]


def open_descriptors() -> Iterator[str]:
    """Yield ``number -> target`` of every open descriptor of ours."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that listed them
            yield f"{link.name} -> {link.readlink()}"


def unix_sockets() -> Iterator[str]:
    """Yield the path, or the abstract name, of every bound unix socket that we hold.

    The kernel lists those of all sessions on this machine. What a process that is left holds is
    told with that.
    """
    ours = {link.partition("socket:[")[2].rstrip("]") for link in open_descriptors()}
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[6] in ours:
            yield fields[7]


def cgroups_of_ours() -> Iterator[str]:
    """Yield every cgroup whose name says that supctl made it."""
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        yield from (f"{folder}/{name}" for name in names if name.startswith("supctl"))


def _become_subreaper() -> None:
    pr_set_child_subreaper = 36
    if ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError("no subreaper: orphans of this session could not be found")


def _stat(pid: int) -> list[str]:
    """Return the fields of proc_pid_stat(5) from the state on; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _state(pid: int) -> str:
    return "".join(_stat(pid)[:1])


def _name(pid: int) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        return " ".join(map(os.fsdecode, words)) or Path(f"/proc/{pid}/comm").read_text().strip()
    return "?"


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _descendants() -> set[int]:
    children: dict[int, list[int]] = {}
    for pid in _all_pids():
        if stat := _stat(pid):
            children.setdefault(int(stat[1]), []).append(pid)
    found: set[int] = set()
    waiting = list(children.get(os.getpid(), ()))
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += children.get(pid, ())
    return found


def _carriers(marker: str) -> set[int]:
    found = set()
    for pid in _all_pids():
        with suppress(OSError):
            if marker.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
    return found - {os.getpid()}


def _await_ends(pids: set[int], patience: float = 1.0) -> None:
    """Wait for those that are on their way out; a kill takes effect a moment after it was sent."""
    deadline = time.monotonic() + patience
    for pid in pids:
        with suppress(OSError):
            fd = os.pidfd_open(pid)
            try:
                select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
            finally:
                os.close(fd)


def _kill_all(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
