"""What happens to the children of a supervisor, told as events, each with its cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from supctl import events
from supctl.exits import ExitKind, ExitReason
from supctl.specs import App

from . import messages as m
from .child import Child, join
from .eventlog import EventLog


class Narrator:
    """Tells the events of one life of a supervisor.

    Args:
        log: of all events.
        address: of the supervisor.

    Attributes:
        because: number of the event that what is done now follows from, if there is one.
        last_own: that of the event that the supervisor gave up, or shut itself down.
    """

    def __init__(self, log: EventLog, address: str) -> None:
        self._log, self._address = log, address
        self.because: int | None = None
        self.last_own: int | None = None

    def tell(
        self, child: Child, kind: type[events.Event], cause: int | None = None, **facts: Any
    ) -> None:
        """Tell an event about ``child``, caused by its last one unless told otherwise."""
        cause = cause or child.last_event
        event = self._log.emit(kind, address=child.address, cause=cause, **facts)
        child.last_event = self.because = event.seq

    def tell_start(
        self, child: Child, pid: int, unenforced: tuple[str, ...], age: float | None
    ) -> None:
        """Note and tell that a child runs; since ``age`` seconds, if it has outlived who had
        started it."""
        child.pid, child.started_at = pid, trio.current_time() - (age or 0.0)
        if age is None:
            self.tell(child, events.ChildStarted, pid=pid, restarts=child.restarts)
        else:
            self.tell(child, events.ChildKept, pid=pid, restarts=child.restarts, age=age)
        if unenforced != child.unenforced:  # said once, not at every restart
            child.unenforced = unenforced
            for detail in unenforced:
                self.tell(child, events.LimitsNotEnforced, detail=detail)

    def tell_end(self, child: Child, reason: ExitReason, uptime: float) -> None:
        """Note and tell that a child has ended.

        What is done next because it has ended as it was asked to is done for the same reason.
        """
        if child.life is not None and child.life.last_event is not None:
            child.last_event = child.life.last_event
        child.life, child.pid, child.reason = None, 0, reason
        asked = child.stop_asked
        facts: dict[str, Any] = {"reason": reason, "asked": asked, "uptime": uptime}
        if reason.kind is ExitKind.OUT_OF_MEMORY and isinstance(child.spec, App):
            facts["memory_limit"] = child.spec.limits.memory
        self.tell(child, events.ChildExited, **facts)
        if asked:
            self.because = child.stopped_for

    def tell_stop(self, child: Child, grace: float | None) -> None:
        """Note why a child is asked to stop, and tell it; for ``None`` that is not told."""
        child.stopped_for = self.because
        if grace is not None:
            self.tell(child, events.ChildStopping, cause=self.because, grace=grace)
            self.because = child.stopped_for

    def tell_decision(self, command: m.Command, children: Mapping[str, Child]) -> None:
        """Tell what the core has decided."""
        match command:
            case m.RestartScheduled(name, delay, restarts, exhausted):
                child = children[name]
                child.restarts += 1
                facts: dict[str, Any] = {"delay": delay, "restarts": restarts}
                backoff = child.spec.backoff
                facts |= {name: getattr(backoff, name) for name in ("initial", "factor", "maximum")}
                facts["jitter"] = str(backoff.jitter)
                self.tell(child, events.RestartScheduled, exhausted=exhausted, **facts)
            case m.RestartPaced(name, delay):
                self.tell(children[name], events.RestartPaced, delay=delay)
            case m.ChildFailed(name, restarts, within, reason):
                facts = {"restarts": restarts, "within": within, "reason": reason}
                self.tell(children[name], events.ChildFailed, **facts)
            case m.ChildHeld(name, needs, awaits, failed):
                facts = {"needs": needs, "awaits": awaits, "failed": failed}
                facts = {it: self._addresses(names) for it, names in facts.items()}
                self.tell(children[name], events.ChildHeld, **facts)
            case m.Report(context, name, reason, number):
                about = children.get(name)
                self._log.emit(
                    events.SupervisorReport,
                    address=self._address,
                    cause=self.because if about is None else about.last_event,
                    context=context,
                    child="" if about is None else about.address,
                    children=number,
                    reason=reason,
                )
            case m.AutoShutdown(name):
                self._tell_own(events.SupervisorAutoShutdown, name)
            case m.GaveUp(name, restarts, within, reason):
                facts = {"restarts": restarts, "within": within, "reason": reason}
                self._tell_own(events.SupervisorGaveUp, name, **facts)

    def _addresses(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(join(self._address, name) for name in names)

    def _tell_own(self, kind: type[events.Event], name: str, **facts: Any) -> None:
        """Tell that the supervisor ends, and by which child."""
        child = join(self._address, name)
        event = self._log.emit(
            kind, address=self._address, cause=self.because, child=child, **facts
        )
        self.last_own = self.because = event.seq
