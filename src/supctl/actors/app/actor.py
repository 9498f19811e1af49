"""The app actor: the task that carries one program through one life."""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Mapping
from typing import Final

from supctl.actors.incarnation import (
    Detached,
    Down,
    Incarnation,
    Killed,
    NotUp,
    Paused,
    Report,
    Resumed,
    Tell,
    Up,
)
from supctl.actors.services import Services
from supctl.backends.base import Exited, Gone, Left, Lost, Notice, Process, ProcessSpec
from supctl.errors import SupctlError
from supctl.exits import ExitKind, ExitReason
from supctl.ipc.alarm import Alarm
from supctl.specs import App

from .machine import TABLE, Do, Event, State

KILL_PATIENCE = 10.0
"""Seconds a killed program may take. Only what is stuck in the kernel (state D) takes longer;
it stays with the backend, and supervision goes on without it."""


class AppActor(Incarnation):
    """One life of one program.

    Args:
        spec: what to run.
        address: of the child, for its output.
        services: shared by all apps of a tree.
        tell: hears the reports.
    """

    __slots__ = (
        "_address",
        "_alarm",
        "_is_paused",
        "_process",
        "_reason",
        "_services",
        "_spec",
        "_state",
        "_tell",
    )  # fmt: skip

    def __init__(self, spec: App, address: str, services: Services, tell: Tell) -> None:
        self._spec, self._address, self._services, self._tell = spec, address, services, tell
        self._state = State.STARTING
        self._process: Process | None = None
        self._is_paused = False
        self._reason: ExitReason | None = None
        self._alarm = Alarm()

    @property
    def grace(self) -> float:  # type: ignore[override]
        return self._spec.stop.grace

    @property
    def state(self) -> str:
        if self._is_paused and self._state in _PAUSABLE:
            return "paused"
        return _SHOWN.get(self._state, self._state.value)

    def stop(self) -> None:
        # Without a grace it is OTP's brutal_kill: nobody asks.
        self._decide(Event.STOP if self._spec.stop.grace else Event.KILL)

    def kill(self) -> None:
        self._decide(Event.KILL)

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.signal(number)

    def pause(self) -> None:
        if self._process is not None and self._state in _PAUSABLE and not self._is_paused:
            self._is_paused = True
            self._process.signal_all(signals.SIGSTOP)
            self._tell(Paused())

    def resume(self) -> None:
        if self._go_on():
            self._tell(Resumed())

    def _go_on(self) -> bool:
        """Let it go on if it is paused; return whether it was."""
        was_paused, self._is_paused = self._is_paused, False
        if was_paused and self._process is not None:
            self._process.signal_all(signals.SIGCONT)
        return was_paused

    async def run(self) -> None:
        try:
            process = await self._services.backend.spawn(process_spec(self._spec), self._handle)
        except SupctlError as error:
            self._reason = ExitReason(ExitKind.START_FAILED, detail=str(error))
            self._decide(Event.NOT_SPAWNED)
            return
        self._process = process
        self._services.take_output(self._address, process)
        self._decide(Event.SPAWNED)
        self._tell(Up(process.pid, process.unenforced))
        try:
            # What happens is handled at once, in the task that brings it; this one is here for
            # the time that passes.
            while await self._alarm.sleep():
                self._decide(Event.GRACE_OVER)
        except BaseException:  # our own task is ended: nobody would end the program later
            process.kill()
            raise

    def _handle(self, notice: Notice) -> None:
        match notice:
            case Exited(status):
                self._reason = ExitReason.of_status(status)
                if self._state is State.STOPPING:
                    self._reason = ExitReason(ExitKind.SHUTDOWN, status)
                elif self._state is State.KILLING:
                    self._reason = ExitReason(ExitKind.KILLED, status)
                self._decide(Event.EXITED)
            case Lost(detail):
                self._reason = ExitReason(ExitKind.LOST, detail=f"its reaper was lost: {detail}")
                self._decide(Event.EXITED)
            case Left(pids):
                if self._state in (State.ENDING, State.DETACHED):  # else it is being ended anyway
                    self._tell(Detached(pids, kept=self._spec.detached))
                self._decide(Event.LEFT_FREE if self._spec.detached else Event.LEFT)
            case Gone():
                self._decide(Event.GONE)

    def _decide(self, event: Event) -> None:
        """Look up what follows from ``event`` and do it."""
        self._state, do = TABLE[self._state, event]
        process, stop = self._process, self._spec.stop
        match do:
            case Do.ASK if process is not None:
                process.signal(stop.signal)
                self._go_on()  # who is paused could not obey
                self._alarm.set(stop.grace)
            case Do.ASK_REST if process is not None:
                process.signal(stop.signal)
            case Do.KILL if process is not None:
                if event is Event.GRACE_OVER:
                    self._tell(Killed(stop.grace))
                process.kill()
                self._alarm.set(KILL_PATIENCE)
            case Do.END:
                self._alarm.turn_off()
                self._tell(self._last_report())

    def _last_report(self) -> Report:
        if self._process is None and self._reason is not None:
            return NotUp(self._reason)
        stuck = f"SIGKILL has not ended it in {KILL_PATIENCE:g} s"
        return Down(self._reason or ExitReason(ExitKind.KILLED, detail=stuck))


_PAUSABLE: Final = (State.RUNNING, State.DETACHED)

_SHOWN = {
    State.CALLED_OFF: "stopping",
    State.DOOMED: "stopping",
    State.KILLING: "stopping",
    State.ENDING: "stopping",
}
"""States that last for a moment and are no words of our vocabulary."""


def process_spec(app: App, environ: Mapping[str, str] = os.environ) -> ProcessSpec:
    """Return what a backend must run for ``app``. ``environ`` is handed on if it names none."""
    return ProcessSpec(
        command=app.command,
        env=dict(environ) if app.env is None else app.env,
        cwd=app.cwd,
        umask=app.umask,
        user=app.user,
        group=app.group,
        nice=app.nice,
        rlimits=app.rlimits,
        death_signal=app.death_signal,
        stop_signal=app.stop.signal,
        grace=app.stop.grace,
        memory=app.limits.memory,
        cpu=app.limits.cpu,
        pids=app.limits.pids,
    )
