"""Watching one life of an app: whether it becomes ready, and whether it stays well after that."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

import trio

from supctl.actors.incarnation import NOTHING_SEEN, Checkup, Seen
from supctl.actors.probing.liveness import HealthState, Liveness
from supctl.actors.probing.notes import Notes, status_text
from supctl.actors.probing.prober import Prober
from supctl.actors.probing.standstill import stood_still
from supctl.actors.services import Services
from supctl.backends.answers import Answer
from supctl.backends.base import Process, ProcessSpec
from supctl.logs.seek import Seek
from supctl.specs import Delay, Health, Notify, Output, Probe, Ready, Watchdog
from supctl.specs.pattern import compiled

_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.5
"""Seconds between two questions whether it is ready: what starts fast is not kept waiting, and
what starts slowly is not kept from its work."""

_THAWING: Final = 1.0
"""Seconds in which a signal to go on reaches a program, however busy the system is."""

_FIRST_PATIENCE: Final = 1.0
_LONGEST_PATIENCE: Final = 8.0
"""Seconds that an answer to that may take; more after each silence: a program that is still
starting may accept a request and forget it, or need that long for the first."""


class Watched(Protocol):
    """Whoever draws the conclusions."""

    def became_ready(self) -> None:
        """It is ready. Comes once at the most."""

    def is_late(self, why: str) -> None:
        """It has not become ready in time. Comes once at the most, in place of ready."""

    def is_unhealthy(self, why: str) -> None:
        """It has failed too often."""

    def is_seen(self, seen: Seen) -> None:
        """It looks different from before."""


class AppWatch:
    """Watches one life of an app. Nothing here polls what the app can announce.

    Args:
        ready, health: what is asked, and how often.
        services: shared by all apps of a tree.
        watched: hears of it.
        notify_fd: where the program tells how it is, if that is known to it already.

    Raises:
        OSError, PlatformNotSupported: there is no socket for what it tells of itself.
    """

    def __init__(
        self,
        ready: Ready | None,
        health: Health | None,
        services: Services,
        watched: Watched,
        notify_fd: int | None = None,
    ) -> None:
        self._ready, self._health = ready, health
        self._services, self._watched = services, watched
        self._announced = trio.Event()
        self._liveness: Liveness | None = None
        self._heard_at = -math.inf  # of the last WATCHDOG=1
        self._call: Answer | None = None  # for help, perhaps before anybody minded
        self._seen = NOTHING_SEEN
        self._answered_at: float | None = None
        self._is_held = False
        self._thaws_until = -math.inf  # until when it may still stand still, having been let go
        self._scope = trio.CancelScope()
        self._asking = trio.CancelScope()  # as the present health says
        self._notes: Notes | None = None
        if self._watchdog is not None or isinstance(ready and ready.probe, Notify):
            socket = services.backend.open_notify_socket(notify_fd)
            self._notes = None if socket is None else Notes(socket, self._hear)
        elif notify_fd is not None:
            os.close(notify_fd)

    @property
    def _watchdog(self) -> Watchdog | None:
        probe = self._health and self._health.probe
        return probe if isinstance(probe, Watchdog) else None

    def dress(self, spec: ProcessSpec) -> ProcessSpec:
        """Return ``spec`` with what tells the program how to speak to us, if it is to."""
        if self._notes is None:
            return spec
        added = {"NOTIFY_SOCKET": self._notes.address}
        held = self._notes.fileno() if spec.kept else None
        if self._watchdog is None:
            return replace(spec, env={**spec.env, **added}, notify=held)
        added["WATCHDOG_USEC"] = str(round(self._watchdog.seconds * 1_000_000))
        return replace(spec, env={**spec.env, **added}, pid_in="WATCHDOG_PID", notify=held)

    def seek(self, process: Process) -> Seek | None:
        """Return the line that is to be sought in the output of ``process``, if there is one."""
        probe = self._ready and self._ready.probe
        if not isinstance(probe, Output) or process.stand_in() is not None:
            return None
        token = trio.lowlevel.current_trio_token()

        def found() -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._announced.set)

        return Seek(compiled(probe.pattern), found)

    async def run(
        self, process: Process, surroundings: ProcessSpec, *, is_up: bool = False
    ) -> None:
        """Watch until :meth:`cancel`. When this returns, no question is under way.

        Args:
            surroundings: as what it was started, without what :meth:`dress` adds.
            is_up: it has become ready already.
        """
        backend, gate = self._services.backend, self._services.probes
        prober = Prober(process, surroundings, backend, gate)
        with self._scope:
            async with trio.open_nursery() as nursery:
                if self._notes is not None:
                    nursery.start_soon(self._notes.listen, process)
                ready = self._ready
                if ready is not None and not is_up and not await self._becomes_ready(prober, ready):
                    return
                await self._stay_well(prober)
        self.close()

    def adopt(self, health: Health) -> None:
        """Ask as ``health`` says from now on, from its begin. Never blocks."""
        self._health = health
        self._asking.cancel()

    def hold(self, *, held: bool) -> None:
        """Draw no conclusions as long as it is ``held``: it is paused, and cannot answer."""
        self._is_held = held
        if not held:
            self._thaws_until = trio.current_time() + _THAWING
        self._heard_at = max(self._heard_at, trio.current_time())

    def checkup(self, *, is_ready: bool) -> Checkup:
        """Return what has been learnt so far."""
        at, seen = self._answered_at, self._seen
        age = None if at is None else trio.current_time() - at
        failures = 0 if self._liveness is None else self._liveness.failures
        return Checkup(is_ready, seen.health, seen.said, age, failures)

    def cancel(self) -> None:
        """Ask nothing more. Never blocks."""
        self._scope.cancel()

    def close(self) -> None:
        """Hear nothing more."""
        if self._notes is not None:
            self._notes.close()

    # Whether it becomes ready.

    async def _becomes_ready(self, prober: Prober, ready: Ready) -> bool:
        timeout = math.inf if isinstance(ready.probe, Delay) else ready.timeout
        while True:
            due_at = trio.current_time() + timeout
            with trio.move_on_at(due_at):
                await self._show(prober, ready.probe)
                self._watched.became_ready()
                return True
            if not stood_still(due_at):
                break
        self._watched.is_late(f"not ready within {timeout:g} s: {self._so_far(ready.probe)}")
        return False

    async def _show(self, prober: Prober, probe: Probe) -> None:
        """Return when ``probe`` shows what it is to show."""
        if isinstance(probe, Delay):
            await trio.sleep(probe.seconds)
        elif isinstance(probe, Output | Notify) and prober.process.stand_in() is None:
            await self._announced.wait()
        else:
            await self._ask_until_well(prober, probe)

    async def _ask_until_well(self, prober: Prober, probe: Probe) -> None:
        pause, patience = _FIRST_PAUSE, _FIRST_PATIENCE
        while True:
            answer = await prober.ask(probe, patience)
            self._answered_at = trio.current_time()
            self._see(said=answer.said)
            if answer.ok:
                return
            if answer.silent:
                patience = min(2 * patience, _LONGEST_PATIENCE)
            await trio.sleep_until(prober.next_at(probe, trio.current_time() + pause))
            pause = min(1.5 * pause, _LONGEST_PAUSE)

    def _so_far(self, probe: Probe) -> str:
        if isinstance(probe, Notify):
            strangers = self._notes.refused if self._notes is not None else 0
            refused = f" (messages from strangers that were refused: {strangers})"
            return "no READY=1 has come" + (refused if strangers else "")
        if isinstance(probe, Output):
            pattern = compiled(probe.pattern).pattern.decode(errors="backslashreplace")
            return f"no line of its output matches {pattern!r}"
        return self._seen.said or "no answer"

    # Whether it stays well.

    async def _stay_well(self, prober: Prober) -> None:
        while (health := self._health) is not None:
            with trio.CancelScope() as self._asking:
                await self._ask_as(prober, health)
                return

    async def _ask_as(self, prober: Prober, health: Health) -> None:
        self._liveness = Liveness(health.retries)
        self._see(said="")
        await trio.sleep(health.start_period)
        if isinstance(health.probe, Watchdog):
            await self._mind_silence(prober, health.probe)
            return
        due_at = trio.current_time()
        while True:
            was_held = self._is_held or self._thaws(prober)
            answer = await prober.ask(health.probe, health.timeout)
            if not was_held and self._judge(answer):
                return
            after = trio.current_time()
            if answer.ok:
                after = prober.next_at(health.probe, after)
            due_at = _next_turn(due_at, health.interval, after)
            await trio.sleep_until(due_at)

    def _thaws(self, prober: Prober) -> bool:
        """Return whether it was let go, and the signal that says so has not reached it."""
        return trio.current_time() < self._thaws_until and prober.process.is_stopped()

    async def _mind_silence(self, prober: Prober, watchdog: Watchdog) -> None:
        """Count every stretch of ``watchdog.seconds`` in which nothing was heard."""
        if self._call is not None and self._judge(self._call):
            return
        silent_since = max(trio.current_time(), self._heard_at)
        stand_in = prober.process.stand_in()
        while True:
            due_at = silent_since + watchdog.seconds
            await trio.sleep_until(due_at)
            if silent_since < self._heard_at:
                silent_since = self._heard_at
                continue
            if stood_still(due_at):
                silent_since = trio.current_time()
                continue
            silent_since = trio.current_time()
            answer = Answer(False, f"no WATCHDOG=1 within {watchdog.seconds:g} s", silent=True)
            if stand_in is not None and (played := stand_in.answer(watchdog)).ok:
                answer, silent_since = played, stand_in.steady_until(watchdog)
            if self._judge(answer):
                return

    def _judge(self, answer: Answer) -> bool:
        """Draw the conclusions of an answer; return whether nothing more need be asked."""
        liveness = self._liveness
        if self._is_held:
            return False
        if liveness is None or liveness.is_over:
            return True
        liveness.take(answer)
        self._answered_at = trio.current_time()
        self._see(said=answer.said)
        if liveness.is_over:
            self._watched.is_unhealthy(liveness.verdict)
        return liveness.is_over

    # What it tells of itself.

    def _hear(self, name: str, value: str) -> None:
        match name, value:
            case "READY", "1":
                self._announced.set()
            case "STATUS", _:
                self._see(status_text=status_text(value))
            case "WATCHDOG", "1":
                self._heard_at = trio.current_time()
                if self._watchdog is not None and self._is_unwell():
                    self._judge(Answer(True, "WATCHDOG=1"))
            case "WATCHDOG", "trigger" if self._watchdog is not None:
                call = Answer(False, "it has said WATCHDOG=trigger")
                if self._liveness is None:
                    self._call = call
                self._judge(call)

    def _is_unwell(self) -> bool:
        """Return whether it is to be asked and is not known to be well."""
        return self._liveness is not None and self._liveness.state is not HealthState.HEALTHY

    def _see(self, **news: str) -> None:
        health = "" if self._liveness is None else str(self._liveness.state)
        seen = replace(self._seen, health=health, **news)
        if seen != self._seen:
            self._seen = seen
            self._watched.is_seen(seen)


def _next_turn(due_at: float, interval: float, after: float) -> float:
    """Return the first of ``due_at`` plus so many intervals, one at least, that is not before
    ``after``."""
    if after == math.inf:
        return math.inf
    return due_at + interval * max(1, math.ceil((after - due_at) / interval))
