"""A plugin of pytest: the proof at the end of a session of tests that nothing of ours is left.

It is part of the session, not a test: no selection of tests leaves it out. Under pytest-xdist
each worker proves for itself, as a session within the session of the controller; what it finds
fails the whole run. What a worker left that did not come to its own proof, because it was
killed, its controller finds: its processes become the controller's, and its files are in the
controller's directory.
"""

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


def pytest_configure(config: pytest.Config) -> None:
    if sys.platform == "linux":
        worker = getattr(config, "workerinput", {}).get("workerid", "")
        config.pluginmanager.register(LeakProof(worker))


def pytest_report_header() -> str:
    if sys.platform == "linux":
        return "leak proof: processes, descriptors, sockets, cgroups and files, at the end"
    return f"leak proof: none on {sys.platform}, it reads /proc"


@dataclass(frozen=True)
class Belongings:
    """What of ours this machine holds at one moment, as phrases that compare."""

    descriptors: frozenset[str]
    sockets: frozenset[str]
    cgroups: frozenset[str]

    @classmethod
    def seen(cls) -> Belongings:
        return cls(
            descriptors=frozenset(open_descriptors()),
            sockets=frozenset(path for path in unix_sockets() if "supctl" in path),
            cgroups=frozenset(cgroups_of_ours()),
        )


class LeakProof:
    """Watches a session from start to end and fails it if something is left.

    Orphans become our children (we are a subreaper), so that whatever was started below this
    session is found by parenthood; the environment marker finds what got away nevertheless.
    The directories for temporary files and for what runs are our own: what is left in them was
    left by us, whoever else tests on this machine.

    Args:
        worker: our name among the workers of pytest-xdist; ``""`` if we are none.
    """

    MARKER = "SUPCTL_TEST_SESSION"
    """Of a worker its value is the controller's, a slash and its own."""

    def __init__(self, worker: str = "") -> None:
        self._worker = worker
        self._leaks: list[str] = []
        self._own_children: set[int] = set()
        self._patch = pytest.MonkeyPatch()

    def pytest_sessionstart(self) -> None:
        _become_subreaper()
        self._mark()
        self._move_in()
        self._remember_own_children()
        self._before = Belongings.seen()

    @pytest.hookimpl(trylast=True)  # the controller's workers have ended
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._patch.undo()
        gc.collect()  # what only a reference cycle kept open is no leak
        self._leaks += self._processes() + self._things()
        shutil.rmtree(self._private)
        if self._leaks:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._worker:
            session.config.workeroutput["leaks"] = self._leaks  # type: ignore[attr-defined]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        no_proof = [f"what is not known, without a proof: {error}"]
        leaks = getattr(node, "workeroutput", {}).get("leaks", no_proof)
        self._leaks += [f"{leak} (of {node.gateway.id})" for leak in leaks]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._leaks:
            terminalreporter.section("left behind by this session", red=True, bold=True)
            for leak in self._leaks:
                terminalreporter.line(leak, red=True)

    def _mark(self) -> None:
        value = f"{os.environ.get(self.MARKER, '')}/{uuid.uuid4()}"
        self._marker = f"{self.MARKER}={value}"
        self._patch.setenv(self.MARKER, value)

    def _move_in(self) -> None:
        """Make directories of our own, and have all that is started use them.

        pytest's are to stay: who looks for why a test failed looks there.
        """
        machine = tempfile.gettempdir()
        self._patch.setenv(
            "PYTEST_DEBUG_TEMPROOT", os.environ.get("PYTEST_DEBUG_TEMPROOT", machine)
        )
        if self._worker:
            self._private = Path(machine, self._worker)
            self._private.mkdir()
        else:
            self._private = Path(tempfile.mkdtemp(prefix="tests-of-supctl-"))
        self._private.chmod(0o711)
        for variable, name, mode in (
            ("TMPDIR", "tmp", 0o711),  # what other users may come to is in it
            ("XDG_RUNTIME_DIR", "run", 0o700),
            ("XDG_STATE_HOME", "state", 0o700),
        ):
            directory = self._private / name
            directory.mkdir()
            directory.chmod(mode)  # whatever the umask is
            self._patch.setenv(variable, str(directory))
        self._patch.setattr(tempfile, "tempdir", None)  # it is remembered

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
        # Another worker's may be about to go. The controller looks when all have ended.
        cgroups = () if self._worker else sorted(now.cgroups - before.cgroups)
        return [
            *(f"descriptor {item}" for item in sorted(now.descriptors - before.descriptors)),
            *(f"socket {item}" for item in sorted(now.sockets - before.sockets)),
            *(f"file {path}" for name in ("tmp", "run") for path in self._files(name)),
            *(f"cgroup {item}" for item in cgroups),
        ]

    def _files(self, name: str) -> list[Path]:
        return sorted((self._private / name).rglob("*"))


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
    """Yield every cgroup that supctl made in this process or in one that has ended.

    The name ends in its maker's pid. What another process holds that lives is another session's,
    since ours end the session with no process left.
    """
    others = {str(pid) for pid in _all_pids()} - {str(os.getpid())}
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        for name in names:
            if name.startswith("supctl-") and name.removeprefix("supctl-") not in others:
                yield f"{folder}/{name}"


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
            environment = b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
            if b"\0" + marker.encode() in environment:
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
