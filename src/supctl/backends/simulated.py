"""Scripted programs in virtual time: the promises of ``base`` without an operating system.

For rehearsals and tests. Time is trio's: under ``MockClock(autojump_threshold=0)`` an hour of
faults takes as long as its arithmetic, under the real clock an hour. Pids and the order of
notices depend on the scripts alone, so that a rehearsal can be replayed.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal as signals
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final, Self

import trio

from supctl.errors import ReaperLost, SpawnFailed
from supctl.exits import ExitStatus

from .base import (
    Backend,
    Capabilities,
    Exited,
    Gone,
    Left,
    Lost,
    Notice,
    Notify,
    Process,
    ProcessInfo,
    ProcessSpec,
)
from .scripts import Child as Child
from .scripts import Program as Program
from .scripts import Script as Script
from .scripts import program_of
from .timeline import Timeline

SIMULATED: Final = Capabilities(
    system="simulated",
    subreaper=True,
    pidfd=True,
    cgroup="/simulated",
    controllers=frozenset({"memory", "cpu", "pids"}),
)
"""Everything can be done; pass another value to see a tree cope without."""

_FIRST_PID: Final = 1000
"""No simulated pid looks like 0 (no process) or 1 (init)."""

_NO_SUCH_PROGRAM: Final = Program(fails_to_start=errno.ENOENT)


class SimulatedProcess(Process):
    """One run of a :class:`Program`. Made by :class:`SimulatedBackend` only.

    Attributes:
        spec: what was asked for.
        program: what it does.
        signals: every signal it got while anything of it lived, in order; SIGKILL also
            for :meth:`kill`.
        children: its living descendants by pid.
    """

    def __init__(
        self,
        pid: int,
        spec: ProcessSpec,
        program: Program,
        notify: Notify | None,
        backend: SimulatedBackend,
    ) -> None:
        self.pid, self.spec, self.program = pid, spec, program
        self.signals: list[int] = []
        self.children: dict[int, Child] = {}
        self.unenforced = backend.unenforced(spec)
        self.started_at = trio.current_time()
        self.status: ExitStatus | None = None
        self._notify = notify
        self._backend = backend
        self._ended, self._gone = trio.Event(), trio.Event()
        self._open_output()
        self._begin()

    async def wait(self) -> ExitStatus:
        await self._ended.wait()
        assert self.status is not None
        return self.status

    async def wait_gone(self) -> None:
        await self._gone.wait()

    def signal(self, number: int) -> None:
        if self._gone.is_set():
            return
        self.signals.append(number)
        ended = self.status is not None
        for pid, child in self.children.items():
            if child.ends_by(number) and (ended or not child.escapes):
                self._after(0.0, partial(self._end_child, pid))
        if not ended:
            self._signal_main(number)

    def _signal_main(self, number: int) -> None:
        for child in self.program.children:
            if child.born_on == number:
                self._bear(child)
        if self.program.ends_by(number):
            at_once = number == signals.SIGKILL
            delay = 0.0 if at_once else self.program.stop_delay
            self._after(delay, lambda: self._end(self.program.end_by(number, self._age())))

    def kill(self) -> None:
        if not self._gone.is_set():
            self.signals.append(signals.SIGKILL)
            self._after(0.0, self._die)

    def end(self, status: ExitStatus) -> None:
        """Have the main process end now with ``status``: an accident for a rehearsal."""
        self._after(0.0, partial(self._end, status))

    def lose(self, detail: str) -> None:
        """End all of it because the reaper is gone. For the backend."""
        self._after(0.0, partial(self._die, Lost(detail)))

    def close_output(self) -> None:
        """Close output pipes that nobody has taken. For the backend."""
        for fd in self.take_output():
            if fd is not None:
                os.close(fd)

    # What happens to it. All below runs in the timeline, but for the births.

    def _begin(self) -> None:
        for child in self.program.children:
            if child.born_on is None:
                self._bear(child)
        for at, data in self.program.output:
            self._after(at, partial(self._write, data))
        if self.program.lifetime is not None:
            own_end = self.program.own_end(self.program.lifetime)
            self._after(self.program.lifetime, partial(self._end, own_end))

    def _bear(self, child: Child) -> None:
        pid = self._backend.next_pid()
        self.children[pid] = child
        if child.lifetime is not None:
            self._after(child.lifetime, partial(self._end_child, pid))

    def _end(self, status: ExitStatus) -> None:
        if self.status is None:
            self._main_ended(status, Exited(status))
            self._tell_what_is_left()

    def _end_child(self, pid: int) -> None:
        if self.children.pop(pid, None) is not None and self.status is not None:
            self._tell_what_is_left()

    def _die(self, lost: Lost | None = None) -> None:
        """End everything: killed, or lost with nobody to tell how it ended."""
        if self._gone.is_set():
            return
        self.children.clear()
        if self.status is None:
            number = None if lost else signals.SIGKILL
            status = ExitStatus(signal=number, wall_time=self._age())
            self._main_ended(status, lost or Exited(status))
        self._tell_what_is_left()

    def _main_ended(self, status: ExitStatus, notice: Notice) -> None:
        self.status = status
        self._ended.set()
        self._tell(notice)

    def _tell_what_is_left(self) -> None:
        if self.children:
            self._tell(Left(tuple(self.children)))
            return
        self._close_writers()
        self._gone.set()
        self._backend.forget(self)
        self._tell(Gone())

    def _tell(self, notice: Notice) -> None:
        if self._notify is not None:
            self._notify(notice)

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        self._backend.timeline.after(seconds, self.pid, do)

    def _age(self) -> float:
        return trio.current_time() - self.started_at

    # What it says. Its descendants hold the pipes too, to the last of them.

    def _open_output(self) -> None:
        self.stdout = self.stderr = None
        self._stdout_writer = self._stderr_writer = -1
        # Only for who says something: a thousand quiet apps must not need so many descriptors.
        if self.program.output and self.spec.stdout:
            self.stdout, self._stdout_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.program.output and self.spec.stderr:
            self.stderr, self._stderr_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def _write(self, data: bytes) -> None:
        if self.status is None and self._stdout_writer >= 0:
            with suppress(BlockingIOError, BrokenPipeError):  # nobody reads; see Program.output
                os.write(self._stdout_writer, data)

    def _close_writers(self) -> None:
        for fd in (self._stdout_writer, self._stderr_writer):
            if fd >= 0:
                os.close(fd)


class SimulatedBackend(Backend):
    """Runs scripts in place of programs.

    Args:
        programs: by command word 0, what it does. More may be put into the attribute of that
            name at any time. A command that is not in it does not exist (ENOENT).
        capabilities: what the simulated system can do.
        on_reaper_restarted: as in :func:`supctl.backends.platform.open_backend`.

    Attributes:
        spawned: every spec that :meth:`spawn` was asked for, also if it failed.
        processes: every process that was started, in order.
        reaper_pid: pid of the simulated reaper.
        timeline: lets things happen. For the processes.
    """

    def __init__(
        self,
        programs: Mapping[str, Script] | None = None,
        capabilities: Capabilities = SIMULATED,
        on_reaper_restarted: Callable[[str, int], None] | None = None,
    ) -> None:
        self.programs: dict[str, Script] = dict(programs or {})
        self.capabilities = capabilities
        self.spawned: list[ProcessSpec] = []
        self.processes: list[SimulatedProcess] = []
        self.timeline = Timeline()
        self._on_reaper_restarted = on_reaper_restarted
        self._attempts: Counter[str] = Counter()
        self._pids = itertools.count(_FIRST_PID)
        self._living: dict[int, SimulatedProcess] = {}
        self._lost, self._lost_detail = trio.Event(), "the backend is not open"
        self._lost.set()
        self.reaper_pid = self.next_pid()

    async def __aenter__(self) -> Self:
        self._opened_at = trio.current_time()
        self._nursery_manager = trio.open_nursery()
        nursery = await self._nursery_manager.__aenter__()
        nursery.start_soon(self.timeline.run)
        self._lost = trio.Event()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        self._lose("the backend was left")
        with trio.CancelScope(shield=True):
            living = list(self._living.values())
            for process in living:
                process.kill()
            for process in living:
                await process.wait_gone()
        for process in self.processes:
            process.close_output()
        self.timeline.stop()
        # Not told of the body's error, the nursery leaves it as it is instead of in a group.
        await self._nursery_manager.__aexit__(None, None, None)
        return None

    async def spawn(self, spec: ProcessSpec, notify: Notify | None = None) -> Process:
        self.spawned.append(spec)
        pid = self.next_pid()
        program = self._next_program(spec.command[0])
        await self._start_up(program.start_delay)
        if program.fails_to_start is not None:
            raise SpawnFailed(spec.command[0], program.failed_stage, program.fails_to_start)
        process = SimulatedProcess(pid, spec, program, notify, self)
        self.processes.append(process)
        self._living[pid] = process
        return process

    def _next_program(self, command: str) -> Program:
        attempt = self._attempts[command]
        self._attempts[command] += 1
        return program_of(self.programs.get(command, _NO_SUCH_PROGRAM), attempt)

    async def _start_up(self, seconds: float) -> None:
        lost = self._lost
        with trio.move_on_after(seconds):
            await lost.wait()
        if lost.is_set():
            raise ReaperLost(self._lost_detail)

    def info(self, pids: Collection[int]) -> dict[int, ProcessInfo]:
        """Return facts about those main processes that still live.

        ``started_at_wall`` counts from the opening of the backend: this world has no 1970.
        """
        return {
            process.pid: ProcessInfo(
                pid=process.pid,
                command=process.spec.command,
                started_at_wall=process.started_at - self._opened_at,
                memory=0,
                descriptors=None,
                threads=1,
                memory_maps=None,
                descendants=tuple(process.children),
            )
            for process in list(self._living.values())
            if process.pid in pids and process.status is None
        }

    def lose_reaper(self, detail: str = "killed") -> None:
        """Lose the reaper: a fault for a rehearsal.

        All that lives ends, told as :class:`~supctl.backends.base.Lost`; spawns that are under
        way raise :class:`~supctl.errors.ReaperLost`; a new reaper holds the next ones.
        """
        for process in self._living.values():
            process.lose(detail)
        self._lose(detail)
        self._lost = trio.Event()
        self.reaper_pid = self.next_pid()
        if self._on_reaper_restarted is not None:
            self._on_reaper_restarted(detail, self.reaper_pid)

    def _lose(self, detail: str) -> None:
        self._lost_detail = detail
        self._lost.set()

    # For the processes.

    def next_pid(self) -> int:
        """Return a pid never used before."""
        return next(self._pids)

    def forget(self, process: SimulatedProcess) -> None:
        """Know that nothing of a process lives."""
        del self._living[process.pid]

    def unenforced(self, spec: ProcessSpec) -> tuple[str, ...]:
        """Return phrases for the limits of ``spec`` that the capabilities do not cover."""
        reason = self.capabilities.cgroup_reason or "this system has no cgroups"
        return tuple(
            f"{phrase} is not enforced: {reason}"
            for name, phrase in spec.limits().items()
            if name not in self.capabilities.controllers
        )
