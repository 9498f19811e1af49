"""One world for each backend: programs by what they do, and the means to observe them.

The contract tests know a :class:`World` only. ``Simulated`` runs scripts under a clock that
jumps, ``Real`` the small programs of ``tests/programs`` under the clock on the wall.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal as signals
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

from supctl.backends.base import Backend, Notice, Process, ProcessSpec
from supctl.backends.platform import open_backend
from supctl.backends.posix import PosixBackend
from supctl.backends.simulated import Child, Program, SimulatedBackend

N = TypeVar("N", bound=Notice)


class Notices:
    """Collects the notices of one process; pass it as ``notify``."""

    def __init__(self) -> None:
        self.all: list[Notice] = []
        self._arrived = trio.Event()

    def __call__(self, notice: Notice) -> None:
        self.all.append(notice)
        self._arrived.set()
        self._arrived = trio.Event()

    @property
    def kinds(self) -> list[type[Notice]]:
        """The types of all notices so far, in order."""
        return [type(notice) for notice in self.all]

    async def first(self, kind: type[N]) -> N:
        """Return the first notice of a kind, as soon as there is one."""
        while True:
            for notice in self.all:
                if isinstance(notice, kind):
                    return notice
            await self._arrived.wait()


class Lifeline:
    """A pipe whose write end a program and all its descendants hold as standard input."""

    def __init__(self, read: int, write: int) -> None:
        self.read, self.write = read, write

    async def broken(self) -> None:
        """Return when nobody holds it any more: none of them lives."""
        os.close(self.write)
        self.write = -1
        await trio.lowlevel.wait_readable(self.read)
        assert os.read(self.read, 1) == b""


class World(ABC):
    """A backend, the programs it can run and a view of it from outside.

    Programs that live for ever print a line as soon as they are what they promise to be, so
    that a test may wait for :meth:`line` before it touches them.
    """

    backend: Backend

    @abstractmethod
    def open_another(self) -> Backend:
        """Return a second backend that runs the same programs, to be entered by the test."""

    @abstractmethod
    def lose_reaper(self) -> None:
        """End the reaper of the backend by force."""

    @abstractmethod
    def living(self) -> set[int]:
        """Return the pids of all that was started and lives; zombies do not."""

    @abstractmethod
    def zombies(self) -> set[int]:
        """Return the pids of all that has ended and that nobody has reaped."""

    async def line(self, process: Process) -> str:
        """Return the next line that a process prints, without its end."""
        assert process.stdout is not None
        told = b""
        while not told.endswith(b"\n"):
            told += await self._read(process.stdout, 1)
        return os.fsdecode(told[:-1])

    async def output(self, process: Process) -> bytes:
        """Return all that comes out of a process, to the end of its pipe."""
        assert process.stdout is not None
        told = b""
        while data := await self._read(process.stdout, 65536, end_is_fine=True):
            told += data
        return told

    async def _read(self, fd: int, size: int, end_is_fine: bool = False) -> bytes:
        await trio.lowlevel.wait_readable(fd)
        data = os.read(fd, size)
        assert data or end_is_fine, "the output ended in the middle of a line"
        return data

    @contextmanager
    def lifeline(self) -> Iterator[Lifeline]:
        """Open a lifeline, to be given to a spec as ``stdin=lifeline.write``."""
        lifeline = Lifeline(*os.pipe2(os.O_CLOEXEC))
        try:
            yield lifeline
        finally:
            os.close(lifeline.read)
            if lifeline.write >= 0:
                os.close(lifeline.write)

    @abstractmethod
    def exits_with(self, code: int) -> ProcessSpec: ...

    @abstractmethod
    def killed_by(self, number: int) -> ProcessSpec:
        """It dies by a signal that nobody sent from outside."""

    @abstractmethod
    def runs_forever(self) -> ProcessSpec: ...

    @abstractmethod
    def deaf_to(self, number: int) -> ProcessSpec: ...

    @abstractmethod
    def prints(self, data: bytes) -> ProcessSpec:
        """It prints ``data`` and exits 0."""

    @abstractmethod
    def with_child(self, *, escapes: bool, deaf: bool, stays: bool) -> ProcessSpec:
        """It forks a child that lives for ever, then exits 0 unless it ``stays``."""

    @abstractmethod
    def forks_on_term(self) -> ProcessSpec:
        """On SIGTERM it forks a child that escapes and is deaf to it, and exits 0."""

    def missing_program(self) -> ProcessSpec:
        return ProcessSpec(("/nowhere/to/be/found",))

    @abstractmethod
    def not_executable(self) -> ProcessSpec: ...

    @abstractmethod
    def a_directory(self) -> ProcessSpec: ...

    @abstractmethod
    def bad_interpreter(self) -> ProcessSpec: ...

    @abstractmethod
    def bad_cwd(self) -> ProcessSpec: ...

    @abstractmethod
    def bad_user(self) -> ProcessSpec: ...


class Simulated(World):
    """Scripts in virtual time."""

    def __init__(self) -> None:
        self._backends: list[SimulatedBackend] = []
        self._programs: dict[str, Any] = {}
        self._numbers = itertools.count()
        self.backend: SimulatedBackend = self.open_another()

    def open_another(self) -> SimulatedBackend:
        backend = SimulatedBackend()
        backend.programs = self._programs
        self._backends.append(backend)
        return backend

    def lose_reaper(self) -> None:
        self.backend.lose_reaper()

    def living(self) -> set[int]:
        found: set[int] = set()
        for backend in self._backends:
            for process in backend.processes:
                found |= set(process.children) | (
                    {process.pid} if process.status is None else set()
                )
        return found

    def zombies(self) -> set[int]:
        return set()

    def _script(self, **what: Any) -> ProcessSpec:
        name = f"program-{next(self._numbers)}"
        self._programs[name] = Program(**what)
        return ProcessSpec((name,))

    def exits_with(self, code: int) -> ProcessSpec:
        return self._script(lifetime=0.0, code=code)

    def killed_by(self, number: int) -> ProcessSpec:
        return self._script(lifetime=0.0, signal=number)

    def runs_forever(self) -> ProcessSpec:
        return self._script(output=((0.0, b"ready\n"),))

    def deaf_to(self, number: int) -> ProcessSpec:
        return self._script(output=((0.0, b"ready\n"),), deaf_to=frozenset({number}))

    def prints(self, data: bytes) -> ProcessSpec:
        return self._script(lifetime=0.0, output=((0.0, data),))

    def with_child(self, *, escapes: bool, deaf: bool, stays: bool) -> ProcessSpec:
        child = Child(escapes=escapes, deaf_to=frozenset({signals.SIGTERM} if deaf else ()))
        return self._script(
            lifetime=None if stays else 0.0, output=((0.0, b"ready\n"),), children=(child,)
        )

    def forks_on_term(self) -> ProcessSpec:
        child = Child(escapes=True, deaf_to=frozenset({signals.SIGTERM}), born_on=signals.SIGTERM)
        return self._script(output=((0.0, b"ready\n"),), stop_code=0, children=(child,))

    def not_executable(self) -> ProcessSpec:
        return self._script(fails_to_start=errno.EACCES)

    def a_directory(self) -> ProcessSpec:
        return self._script(fails_to_start=errno.EACCES)

    def bad_interpreter(self) -> ProcessSpec:
        return self._script(fails_to_start=errno.ENOENT)

    def bad_cwd(self) -> ProcessSpec:
        return self._script(fails_to_start=errno.ENOENT, failed_stage="cwd")

    def bad_user(self) -> ProcessSpec:
        return self._script(fails_to_start=errno.EINVAL, failed_stage="user")


class Real(World):
    """Real programs of this system."""

    def __init__(self, programs: Path, scratch: Path) -> None:
        self._programs, self._scratch = programs, scratch
        self.backend = self.open_another()
        self._strangers: set[int] = set()

    def open_another(self) -> Backend:
        return open_backend()

    def ignore_what_lives(self) -> None:
        """Count what lives now (the reaper) as none of the programs."""
        self._strangers = set(_descendants())

    def lose_reaper(self) -> None:
        assert isinstance(self.backend, PosixBackend)
        os.kill(self.backend.reaper_pid, signals.SIGKILL)

    def living(self) -> set[int]:
        return {pid for pid, state in _descendants().items() if state != "Z"} - self._strangers

    def zombies(self) -> set[int]:
        return {pid for pid, state in _descendants().items() if state == "Z"} - self._strangers

    def python(self, name: str, *words: object) -> ProcessSpec:
        """Run a program of ``tests/programs``, with nothing in its environment."""
        program = str(self._programs / f"{name}.py")
        return ProcessSpec((sys.executable, "-S", "-I", program, *map(str, words)))

    def shell(self, script: str) -> ProcessSpec:
        return ProcessSpec(("/bin/sh", "-c", script))

    def exits_with(self, code: int) -> ProcessSpec:
        return self.shell(f"exit {code}")

    def killed_by(self, number: int) -> ProcessSpec:
        return self.python("die_by", number)

    def runs_forever(self) -> ProcessSpec:
        return self.shell("echo ready; exec sleep 1000000")

    def deaf_to(self, number: int) -> ProcessSpec:
        return self.python("ignore_term", number)

    def prints(self, data: bytes) -> ProcessSpec:
        return ProcessSpec(("/bin/echo", "-n", os.fsdecode(data)))

    def with_child(self, *, escapes: bool, deaf: bool, stays: bool) -> ProcessSpec:
        words = {"escape": escapes, "deaf": deaf, "stay": stays}
        return self.python("double_fork", *(word for word, wanted in words.items() if wanted))

    def forks_on_term(self) -> ProcessSpec:
        return self.python("fork_on_term")

    def not_executable(self) -> ProcessSpec:
        return ProcessSpec((self._file("script", "#!/bin/sh\n", mode=0o644),))

    def a_directory(self) -> ProcessSpec:
        return ProcessSpec((str(self._scratch),))

    def bad_interpreter(self) -> ProcessSpec:
        return ProcessSpec((self._file("script", "#!/nowhere/sh\n", mode=0o755),))

    def bad_cwd(self) -> ProcessSpec:
        return replace(self.exits_with(0), cwd=str(self._scratch / "nowhere"))

    def bad_user(self) -> ProcessSpec:
        return replace(self.exits_with(0), user="nobody-of-that-name")

    def _file(self, name: str, text: str, mode: int) -> str:
        path = self._scratch / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)


def _descendants() -> dict[int, str]:
    """Return pid and state letter of all that is below this process, from /proc alone."""
    parents: dict[int, int] = {}
    states: dict[int, str] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):
                told = (path / "stat").read_text().rpartition(")")[2].split()
                states[int(path.name)], parents[int(path.name)] = told[0], int(told[1])
    found: set[int] = set()
    level = {os.getpid()}
    while level := {pid for pid, parent in parents.items() if parent in level} - found:
        found |= level
    return {pid: states[pid] for pid in found}


def _run_in_virtual_time(test: Callable[[], Any], *, instruments: list[Any], clock: object) -> Any:
    assert clock is None, "a contract test brings no clock of its own"
    return trio.run(test, clock=MockClock(autojump_threshold=0), instruments=instruments)


@pytest.fixture(
    params=[
        pytest.param("simulated", marks=pytest.mark.trio(run=_run_in_virtual_time)),
        pytest.param("real"),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Which backend. A test of what only one of them can do is parametrized with its name."""
    return str(request.param)


@pytest.fixture
async def world(kind: str, programs: Path, tmp_path: Path) -> AsyncIterator[World]:
    """A world with its backend open; left, and seen to be empty, at the end."""
    world = Simulated() if kind == "simulated" else Real(programs, tmp_path)
    async with world.backend:
        if isinstance(world, Real):
            world.ignore_what_lives()
        yield world
    assert world.living() == set()


@pytest.fixture
def notices() -> Callable[[], Notices]:
    """Make a collector of notices."""
    return Notices
