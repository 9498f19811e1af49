"""A world in virtual time: the promises of ``base`` without an operating system.

For rehearsals and tests. ``scripts`` says what programs do, ``habits`` what they do by chance,
``machine`` what fails for all of them at once. Time is trio's: under
``MockClock(autojump_threshold=0)`` an hour of faults takes as long as its arithmetic, under the
real clock an hour. Pids and the order of notices depend on the scripts and the order of spawns
alone, so that a rehearsal can be replayed.
"""

from __future__ import annotations

import errno
import itertools
from collections import Counter
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Final, Self

import trio

from supctl.errors import ReaperLost, SpawnFailed

from .base import (
    Backend,
    Capabilities,
    Notify,
    OnReaperRestarted,
    Process,
    ProcessInfo,
    ProcessSpec,
    Usage,
)
from .machine import SOUND, Machine
from .scripts import Child as Child
from .scripts import Program as Program
from .scripts import Script as Script
from .scripts import program_of
from .simulated_process import SimulatedProcess as SimulatedProcess
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


class SimulatedBackend(Backend):
    """Runs scripts in place of programs.

    Args:
        programs: by command word 0, what it does. More may be put into the attribute of that
            name at any time. A command that is not in it does not exist (ENOENT).
        capabilities: what the simulated system can do.
        machine: what it lacks, and when. May be replaced at any time.
        on_reaper_restarted: as in :func:`supctl.backends.platform.open_backend`.

    Attributes:
        spawned: every spec that :meth:`spawn` was asked for, also if it failed.
        processes: every process that was started, in order.
        reaper_pid: pid of the simulated reaper.
    """

    is_simulated = True

    def __init__(
        self,
        programs: Mapping[str, Script] | None = None,
        capabilities: Capabilities = SIMULATED,
        on_reaper_restarted: OnReaperRestarted | None = None,
        machine: Machine = SOUND,
    ) -> None:
        self.programs: dict[str, Script] = dict(programs or {})
        self.capabilities = capabilities
        self.machine = machine
        self.spawned: list[ProcessSpec] = []
        self.processes: list[SimulatedProcess] = []
        self._timeline = Timeline()
        self.on_reaper_restarted = on_reaper_restarted
        self._attempts: Counter[str] = Counter()
        self._pids = itertools.count(_FIRST_PID)
        self._living: dict[int, SimulatedProcess] = {}
        self._lost, self._lost_detail = trio.Event(), "the backend is not open"
        self._lost.set()
        self.reaper_pid = self._next_pid()

    async def __aenter__(self) -> Self:
        self._opened_at = trio.current_time()
        self._nursery_manager = trio.open_nursery()
        nursery = await self._nursery_manager.__aenter__()
        nursery.start_soon(self._timeline.run)
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
        self._timeline.stop()
        # Not told of the body's error, the nursery leaves it as it is instead of in a group.
        await self._nursery_manager.__aexit__(None, None, None)
        return None

    async def spawn(self, spec: ProcessSpec, notify: Notify | None = None) -> Process:
        self.spawned.append(spec)
        pid = self._next_pid()
        program = self._next_program(spec.command[0])
        await self._start_up(program.start_delay)
        if (refusal := self._refusal(program)) is not None:
            number, stage = refusal
            raise SpawnFailed(spec.command[0], stage, number)
        process = SimulatedProcess(
            pid,
            spec,
            program,
            notify,
            timeline=self._timeline,
            next_pid=self._next_pid,
            forget=self._forget,
        )
        process.unenforced = self._unenforced(spec)
        self.processes.append(process)
        self._living[pid] = process
        return process

    def open_notify_socket(self, fd: int | None = None) -> None:
        """Return nothing: scripts have nothing to say."""

    def _next_program(self, command: str) -> Program:
        attempt = self._attempts[command]
        self._attempts[command] += 1
        return program_of(self.programs.get(command, _NO_SUCH_PROGRAM), attempt)

    def _refusal(self, program: Program) -> tuple[int, str] | None:
        """Return error number and stage if a start of ``program`` fails now."""
        if program.fails_to_start is not None:
            return program.fails_to_start, program.failed_stage
        age = trio.current_time() - self._opened_at
        return self.machine.refusal(age, lambda: self.population)

    @property
    def population(self) -> int:
        """How many processes live: main ones and their descendants."""
        return sum(process.population for process in self._living.values())

    async def _start_up(self, seconds: float) -> None:
        lost = self._lost
        if seconds:
            with trio.move_on_after(seconds):
                await lost.wait()
        else:  # most do, by the thousand
            await trio.lowlevel.checkpoint()
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

    def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        """Return how many processes they are: nothing here uses memory or time."""
        return {
            process.pid: Usage(0.0, 0, 1 + len(process.children))
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
        self.reaper_pid = self._next_pid()
        if self.on_reaper_restarted is not None:
            self.on_reaper_restarted(detail, self.reaper_pid, 0)

    def _lose(self, detail: str) -> None:
        self._lost_detail = detail
        self._lost.set()

    def _next_pid(self) -> int:
        return next(self._pids)

    def _forget(self, pid: int) -> None:
        del self._living[pid]

    def change(self, process: Process, spec: ProcessSpec) -> None:
        assert isinstance(process, SimulatedProcess)
        process.spec, process.unenforced = spec, self._unenforced(spec)

    def _unenforced(self, spec: ProcessSpec) -> tuple[str, ...]:
        """Return phrases for the limits of ``spec`` that the capabilities do not cover."""
        reason = self.capabilities.cgroup_reason or "this system has no cgroups"
        return tuple(
            f"{phrase} is not enforced: {reason}"
            for name, phrase in spec.limits().items()
            if name not in self.capabilities.controllers
        )
