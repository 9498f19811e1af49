"""The app actor: the task that carries one program through one life."""

from __future__ import annotations

import os
import signal as signals
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import trio

from supctl.actors.incarnation import (
    Checkup,
    Detached,
    Down,
    Incarnation,
    Killed,
    NotUp,
    Paused,
    Report,
    Resumed,
    Seen,
    Started,
    Tell,
    Up,
)
from supctl.actors.inheritance import Inherited, Remains, end, fingerprint
from supctl.actors.secrets import revealed
from supctl.actors.services import Services
from supctl.backends.base import Exited, Gone, Left, Lost, Notice, Process, ProcessSpec
from supctl.errors import SupctlError
from supctl.exits import ExitKind, ExitReason, ExitStatus
from supctl.ipc.alarm import Alarm
from supctl.specs import App, ChildSpec, Health

from .machine import TABLE, Do, Event, State
from .watch import AppWatch


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
        "_asked_at",
        "_fault",
        "_follows",
        "_health",
        "_inherited",
        "_is_asked",
        "_is_paused",
        "_is_up",
        "_process",
        "_reason",
        "_services",
        "_spec",
        "_started_at",
        "_state",
        "_stuck",
        "_tell",
        "_watch",
    )  # fmt: skip

    def __init__(self, spec: App, address: str, services: Services, tell: Tell) -> None:
        self._spec, self._address, self._services, self._tell = spec, address, services, tell
        self._follows = spec  # in what can be changed while it runs: stop, limits, log
        self._health = spec.health
        self._state = State.STARTING
        self._process: Process | None = None
        self._is_paused = False
        self._watch: AppWatch | None = None  # of an app whose readiness or health is asked for
        self._inherited: Inherited | None = None  # what we go on with, having started nothing
        self._started_at = 0.0
        self._asked_at: float | None = None
        self._is_up = self._is_asked = self._stuck = False
        self._fault: ExitReason | None = None  # why we have asked it to stop, unasked
        self._reason: ExitReason | None = None
        self._alarm = Alarm()

    @property
    def grace(self) -> float:  # type: ignore[override]
        return self._follows.stop.grace

    @property
    def state(self) -> str:
        if self._is_paused and self._state in _PAUSABLE:
            return "paused"
        if self._state is State.RUNNING and self._spec.ready is not None:
            return "ready"
        return _SHOWN[self._state]

    def stop(self) -> None:
        self._is_asked = True
        self._ask(Event.STOP)

    def kill(self) -> None:
        self._is_asked = True
        if self._process is None and self._inherited is not None:
            self._inherited.process.kill()
        self._decide(Event.KILL)

    def adopt(self, spec: ChildSpec) -> None:
        if not isinstance(spec, App):
            return
        before, self._follows = self._follows, spec
        self._adopt_health(spec.health)
        process = self._process
        if process is not None and (before.stop, before.limits) != (spec.stop, spec.limits):
            self._services.backend.change(process, process_spec(spec))
        if process is not None and before.log != spec.log:
            self._services.redirect(self._address, spec.log, process.pid)

    def _adopt_health(self, health: Health | None) -> None:
        if health is None or self._health is None or health == self._health:
            return
        if self._health.can_become(health):
            self._health = health
            if self._watch is not None:
                self._watch.adopt(health)

    def checkup(self) -> Checkup | None:
        if self._watch is None:
            return None
        return self._watch.checkup(is_ready=self._is_up)

    @property
    def remains(self) -> Remains | None:
        if self._process is None:
            return None if self._inherited is None else self._inherited.remains
        if not self._process.token:
            return None
        asked_at = self._asked_at
        if asked_at is not None:  # on a clock that others have, too
            asked_at += time.monotonic() - trio.current_time()
        return Remains(self._process.token, self._is_up, self._is_paused, asked_at)

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.signal(number)

    def pause(self) -> None:
        if self._process is not None and self._state in _PAUSABLE and not self._is_paused:
            self._is_paused = True
            self._process.signal_all(signals.SIGSTOP)
            if self._watch is not None:
                self._watch.hold(held=True)
            self._tell(Paused())

    def resume(self) -> None:
        if self._go_on():
            self._tell(Resumed())

    def _go_on(self) -> bool:
        """Let it go on if it is paused; return whether it was."""
        was_paused, self._is_paused = self._is_paused, False
        if was_paused and self._process is not None:
            self._process.signal_all(signals.SIGCONT)
            if self._watch is not None:
                self._watch.hold(held=False)
        return was_paused

    async def run(self) -> None:
        try:
            process = await self._begin(process_spec(self._spec))
        except (SupctlError, OSError) as error:
            self._reason = ExitReason(ExitKind.START_FAILED, detail=str(error))
            self._drop_watch()
            self._decide(Event.NOT_SPAWNED)
            return
        if process is None:
            self._decide(Event.NOT_SPAWNED)
            return
        try:
            await self._live(process)
        except BaseException:  # our own task is ended: nobody would end the program later
            process.kill()
            raise
        finally:
            self._drop_watch()

    async def _begin(self, spec: ProcessSpec) -> Process | None:
        """Return the process that is to live: one that lives already, if it is as it should be.

        ``None``: we were asked to stop, and none lives.
        """
        inherited = self._inherited = self._services.claim(self._address)
        if inherited is None:
            return await self._spawn(spec)
        if inherited.remains.asked_at is None and inherited.print == fingerprint(spec):
            self._open_watch(inherited.process.notify_fd)
            inherited.process.notify_fd = None
            return inherited.process
        self._services.take_output(self._address, inherited.process, None, None, self._follows.log)
        await end(inherited, self._follows.stop)
        self._inherited = None
        if self._state is State.STARTING:
            return await self._spawn(spec)
        self._process = inherited.process
        self._reason = ExitReason(ExitKind.SHUTDOWN, inherited.process.status)
        return None

    def _open_watch(self, notify_fd: int | None = None) -> None:
        if self._spec.ready is not None or self._spec.health is not None:
            ready, health = self._spec.ready, self._health
            self._watch = AppWatch(ready, health, self._services, self, notify_fd)
        elif notify_fd is not None:
            os.close(notify_fd)

    async def _spawn(self, spec: ProcessSpec) -> Process:
        if (log := self._follows.log) is not None and log.required:
            await self._services.check_log(self._address, log)
        self._open_watch()
        if self._services.keeps:
            spec = replace(spec, kept=f"{self._address} {fingerprint(spec)}")
        if self._watch is not None:
            spec = self._watch.dress(spec)
        backend = self._services.backend
        if not backend.is_simulated:
            spec = await revealed(spec)
        return await backend.spawn(spec, self._handle)

    async def _live(self, process: Process) -> None:
        watch, inherited, age = self._watch, self._inherited, None
        self._process, self._started_at = process, trio.current_time()
        is_cold = self._spec.ready is not None
        if inherited is not None:
            is_cold = is_cold and not inherited.remains.is_up
            age = time.monotonic() - inherited.process.started_at
            self._started_at -= age
        if inherited is not None or self._follows is not self._spec:
            self._services.backend.change(process, process_spec(self._follows))
        seek = watch.seek(process) if watch is not None and is_cold else None
        self._services.take_output(self._address, process, None, seek, self._follows.log)
        self._decide(Event.SPAWNED_COLD if is_cold else Event.SPAWNED)
        self._is_up = not is_cold
        report = Started if is_cold else Up
        self._tell(report(process.pid, process.unenforced, age=age))
        if inherited is not None:
            self._go_on_with(inherited)
        if watch is None:
            await self._pass_time()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(watch.run, is_up=not is_cold), process, process_spec(self._spec)
            )
            await self._pass_time()
            watch.cancel()
        self._tell(self._last_report())

    def _go_on_with(self, inherited: Inherited) -> None:
        """Bring ourselves to where it was, and hear what has become of it since."""
        if inherited.remains.is_paused and self._state in _PAUSABLE:
            self._is_paused = True
            if self._watch is not None:
                self._watch.hold(held=True)
            self._tell(Paused())
        inherited.process.listen(self._handle)

    async def _pass_time(self) -> None:
        # What happens is handled at once, in the task that brings it; this one is here for
        # the time that passes.
        while await self._alarm.sleep():
            self._decide(Event.GRACE_OVER)

    def _drop_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    # What its watch has seen.

    def became_ready(self) -> None:
        """Count as up."""
        self._decide(Event.READY)

    def is_late(self, why: str) -> None:
        """Stop: the start has failed."""
        self._stop_for(Event.LATE, ExitReason(ExitKind.START_FAILED, detail=why))

    def is_unhealthy(self, why: str) -> None:
        """Stop: it has failed."""
        self._stop_for(Event.UNHEALTHY, ExitReason(ExitKind.UNHEALTHY, detail=why))

    def is_seen(self, seen: Seen) -> None:
        """Pass on how it is."""
        self._tell(seen)

    def _stop_for(self, event: Event, fault: ExitReason) -> None:
        if self._state not in WATCHED:
            return
        self._fault = fault
        if self._reason is not None:  # its main process had ended before
            self._reason = replace(fault, status=self._reason.status)
        self._ask(event)
        if self._process is not None and self._process.is_stopped():
            self._process.signal(signals.SIGCONT)  # else it could not even obey

    # What happens to it.

    def _handle(self, notice: Notice) -> None:
        match notice:
            case Exited(status):
                self._reason = self._reason_of(status)
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

    def _reason_of(self, status: ExitStatus) -> ExitReason:
        if self._fault is not None and not self._is_asked:
            return replace(self._fault, status=status)
        if self._state is State.STOPPING:
            return ExitReason(ExitKind.SHUTDOWN, status)
        if self._state is State.KILLING:
            return ExitReason(ExitKind.KILLED, status)
        return ExitReason.of_status(status)

    def _ask(self, event: Event) -> None:
        """Decide what follows from an event that has it asked to stop."""
        # Without a grace it is OTP's brutal_kill: nobody asks.
        self._decide(event if self._follows.stop.grace else Event.KILL)

    def _decide(self, event: Event) -> None:
        """Look up what follows from ``event`` and do it."""
        self._state, do = TABLE[self._state, event]
        process, stop, watch = self._process, self._follows.stop, self._watch
        if watch is not None and self._state not in WATCHED:
            watch.cancel()
        match do:
            case Do.REPORT_UP if process is not None:
                self._is_up = True
                after = trio.current_time() - self._started_at
                self._tell(Up(process.pid, process.unenforced, after))
            case Do.ASK if process is not None:
                self._asked_at = trio.current_time()
                process.signal(stop.signal)
                self._go_on()  # who is paused could not obey
                self._alarm.set(stop.grace)
            case Do.ASK_REST if process is not None:
                process.signal(stop.signal)
            case Do.KILL if process is not None:
                if event is Event.GRACE_OVER:
                    self._tell(Killed(stop.grace))
                process.kill()
                self._alarm.set(stop.force)
            case Do.END:
                self._alarm.turn_off()
                self._stuck = event is Event.GRACE_OVER
                if watch is None:  # else when no question is under way any more
                    self._tell(self._last_report())

    def _last_report(self) -> Report:
        reason = self._reason
        if reason is None or self._stuck:
            stuck = f"SIGKILL has not ended it in {self._follows.stop.force:g} s"
            status = None if reason is None else reason.status
            reason = ExitReason(ExitKind.KILLED, status, stuck)
        if self._process is None:
            return NotUp(reason)
        if self._is_up or self._is_asked:
            return Down(reason, self._stuck)
        return NotUp(_before_ready(reason))


WATCHED: Final = (
    *(State.STARTING, State.CALLED_OFF, State.DOOMED),
    *(State.WARMING, State.RUNNING, State.ENDING, State.DETACHED),
)
"""States in which it is watched, or may yet be."""


def _before_ready(reason: ExitReason) -> ExitReason:
    """Return why the start of what has ended before it was ready has failed."""
    if reason.kind is ExitKind.START_FAILED:
        return reason
    told = reason.detail or str(reason.status or reason)
    detail = f"{told} before it was ready"
    return ExitReason(ExitKind.START_FAILED, reason.status, detail)


_PAUSABLE: Final = (State.RUNNING, State.DETACHED)

_SHOWN: Final = {state: state.value for state in State} | {
    State.CALLED_OFF: "stopping",
    State.DOOMED: "stopping",
    State.WARMING: "starting",
    State.KILLING: "stopping",
    State.ENDING: "stopping",
    State.EXITED: "stopping",
}
"""States that are no words of our vocabulary; but for the first they last for a moment."""


def process_spec(app: App, environ: Mapping[str, str] = os.environ) -> ProcessSpec:
    """Return what a backend must run for ``app``. ``environ`` is handed on if it names none."""
    return ProcessSpec(
        command=app.command,
        env=app.environment(environ),
        secrets={name: secret.file for name, secret in app.secrets.items()},
        cwd=app.cwd,
        umask=app.umask,
        user=app.user,
        group=app.group,
        nice=app.nice,
        rlimits=app.rlimits,
        death_signal=app.death_signal,
        stop_signal=app.stop.signal,
        grace=app.stop.grace,
        force=app.stop.force,
        memory=app.limits.memory,
        cpu=app.limits.cpu,
        pids=app.limits.pids,
    )
