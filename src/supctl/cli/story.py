"""Stories of children as lines for people: what has happened, and why."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

from supctl import events
from supctl.exits import ExitKind, signal_name

from .narrate import changed, lost_before, past, sentence
from .words import counted, seconds, size

_WORDS: Final = {"add": "start", "update": "apply", "shutdown": "kill"}
"""Commands that people know by another name than the protocol does."""

_OWN_FAULTS: Final = frozenset({
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS),
    *(signal.SIGTRAP, signal.SIGPIPE, signal.SIGXCPU, signal.SIGXFSZ),
})  # fmt: skip
"""Signals that a program mostly brings upon itself; whether it was so the kernel does not tell."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that has happened.

    Args:
        at_wall: when; seconds since 1970.
        text: what, without whom.
        event: that it is about.
        kind: what it has in common with others that are just the same to a reader.
        said: the last lines of output that belong to it.
    """

    at_wall: float
    text: str
    event: events.Event
    kind: Any
    said: tuple[str, ...] = ()


class Teller:
    """Knows the events of a story, and tells one in the light of the others.

    Args:
        known: the oldest first.
    """

    def __init__(self, known: Sequence[events.Event]) -> None:
        self._known = known
        self._by_seq = {event.seq: event for event in known if event.seq}
        self._led_on = {event.cause for event in known}

    def lines(self, address: str) -> list[Line]:
        """Return what has happened to the child at ``address``; to all for ``/``."""
        lines: list[Line] = []
        for event in self._known:
            if not _concerns(event, address):
                continue
            if isinstance(event, events.LastLines):
                _add_said(lines, event)
            elif not self._goes_without_saying(event):
                told = self._tell(event)
                if event.address not in (address, "/") and address != "/":
                    told = f"{_name(event.address)} {told}"
                lines.append(Line(event.at_wall, told, event, self._kind_of(event)))
        return lines

    def _goes_without_saying(self, event: events.Event) -> bool:
        """Return whether others tell what there is to be told of an event."""
        if isinstance(event, events.CommandGiven):
            return event.seq in self._led_on
        comes_back = isinstance(self._cause(event), events.DaemonStarted)
        return isinstance(event, events.ChildAdded) and comes_back

    def _kind_of(self, event: events.Event) -> Any:
        match event:
            case events.ChildStarted() | events.ChildStopping():
                return type(event), type(self._origin(event))
            case events.ChildExited(reason=reason) | events.ChildStartFailed(reason=reason):
                status = reason.status and (reason.status.code, reason.status.signal)
                return type(event), reason.kind, reason.detail, status
        return type(event)

    def _cause(self, event: events.Event) -> events.Event | None:
        return self._by_seq.get(event.cause or 0)

    def _tell(self, event: events.Event) -> str:
        match event:
            case events.ChildStarted(pid=pid):
                return f"started{f', pid {pid}' if pid else ''}{self._why_started(event)}"
            case events.ChildKept(pid=pid, age=age):
                whose = f", pid {pid}" if pid else ""
                return f"runs on{whose}, {seconds(age)} old, {self._why_kept(event)}"
            case events.ChildStopping(grace=grace):
                asked = f"asked to stop, has {seconds(grace)}" if grace else "ended by force"
                return asked + self._why_stopped(event)
            case events.ChildExited():
                return self._ended(event)
            case events.ChildStartFailed(reason=reason):
                return f"did not start: {reason.detail or reason}"
            case events.RestartScheduled():
                return _next_attempt(event)
            case events.CommandGiven():
                return f"command of {_who(event, event.address)}"
            case events.ChildSignalled(number=number):
                return f"{signal_name(number)} sent{self._by(event)}"
            case events.ChildAdded() | events.ChildPaused() | events.ChildResumed():
                words = {
                    "child_added": "added",
                    "child_paused": "paused",
                    "child_resumed": "resumed",
                }
                return words[event.kind] + self._by(event)
            case events.SupervisorGaveUp(child=child, restarts=restarts, within=within):
                times = f"more than {counted(restarts, 'restart')} within {seconds(within)}"
                return f"gave up: {times}, the last as {_name(child)} {past(event.reason)}"
            case events.DaemonStarted(pid=pid, version=version):
                return f"daemon {pid} started, supctl {version}{lost_before(event)}"
            case events.DaemonStopped(pid=pid):
                return f"daemon {pid} ended in order"
            case events.TreeStopped():
                return "everything is stopped" + self._by(event)
        told = sentence(event)
        who = event.address.strip("/")
        return told.removeprefix(f"{who} ").removeprefix(f"{who}: ") if who else told

    # Why.

    def _by(self, event: events.Event) -> str:
        """Return by whose command it happened, if it is known."""
        cause = self._cause(event)
        if isinstance(cause, events.CommandGiven):
            return f" by {_who(cause, event.address)}"
        return " with the daemon" if isinstance(cause, events.DaemonStarted) else ""

    def _origin(self, event: events.Event) -> events.Event | None:
        """Return what a start or a stop follows from, past all that is only a step on the way."""
        cause = self._cause(event)
        while cause is not None and _is_step(cause):
            cause = self._cause(cause)
        return cause

    def _why_started(self, event: events.ChildStarted) -> str:
        match self._origin(event):
            case events.CommandGiven() as given:
                return f", by {_who(given, event.address)}"
            case events.DaemonStarted(lost=True):
                return ", with a new daemon: the one before was lost"
            case events.DaemonStarted():
                return ", with the daemon"
            case events.SourcesChanged() as cause:
                return f", as {changed(cause)}"
            case events.RestartScheduled() as cause if cause.address == event.address:
                return f", restart {event.restarts}"
            case events.RestartScheduled() as cause if _is_below(event.address, cause.address):
                return f", again, with its supervisor {self._fate(cause)}"
            case events.RestartScheduled() as cause:
                return f", again, together with {self._fate(cause)}"
        return ""

    def _why_kept(self, event: events.ChildKept) -> str:
        """Return how it comes that it goes on under another daemon."""
        cause = self._cause(event)
        if isinstance(cause, events.DaemonStarted) and cause.upgrade:
            return "under a new daemon, after an upgrade"
        how = f" ({cause.how})" if isinstance(cause, events.DaemonStarted) and cause.how else ""
        return f"under a new daemon: the one before was lost{how}"

    def _why_stopped(self, event: events.ChildStopping) -> str:
        match self._origin(event):
            case events.CommandGiven() as given:
                return f", by {_who(given, event.address)}"
            case events.SourcesChanged() as cause:
                return f": {changed(cause)}"
            case events.RestartScheduled() as cause:
                return f": it restarts together with {self._fate(cause)}"
            case events.SupervisorGaveUp() as cause:
                why = f"{_name(cause.child)} {past(cause.reason)} too often"
                return f": {_name(cause.address)} gave up, as {why}"
            case events.SupervisorAutoShutdown() as cause:
                return f": {_name(cause.address)} ends, as {_name(cause.child)} has"
        return ""

    def _fate(self, scheduled: events.RestartScheduled) -> str:
        """Return who is started again, and how it has ended."""
        ended = self._cause(scheduled)
        if isinstance(ended, events.ChildExited | events.ChildStartFailed):
            return f"{_name(scheduled.address)}, which {past(ended.reason)}"
        return _name(scheduled.address)

    def _ended(self, event: events.ChildExited) -> str:
        reason, status = event.reason, event.reason.status
        lived = f" after {seconds(event.uptime)}"
        if event.asked and reason.kind in (ExitKind.SHUTDOWN, ExitKind.NORMAL):
            return f"stopped{lived}" + (f" ({status})" if status is not None else "")
        if reason.kind is ExitKind.OUT_OF_MEMORY:
            return f"out of memory{lived}: killed by the kernel{_memory(event)}"
        if status is not None and status.signal is not None and reason.kind is ExitKind.CRASHED:
            core = ", core dumped" if status.core_dumped else ""
            return f"killed by {signal_name(status.signal)}{lived}{core}{self._sender(event)}"
        if reason.kind is ExitKind.UNHEALTHY:
            return f"ended by supctl{lived}, as it was unhealthy: {reason.detail}"
        return f"{past(reason)}{lived}"

    def _sender(self, event: events.ChildExited) -> str:
        """Return who has sent the signal that it died of, as far as can be told."""
        number = event.reason.status and event.reason.status.signal
        cause: events.Event | None = event
        while cause is not None and not isinstance(cause, events.ChildStarted):
            if isinstance(cause, events.ChildSignalled) and cause.number == number:
                given = self._cause(cause)
                by = _who(given, event.address) if isinstance(given, events.CommandGiven) else "us"
                return f"; the signal was sent by {by}"
            cause = self._cause(cause)
        if number in _OWN_FAULTS:
            return "; most likely its own fault: supctl has not sent that"
        if number == signal.SIGKILL:
            return "; not sent by supctl, but by somebody else, or by a kernel short of memory"
        return "; sent by somebody else, not by supctl"


def _is_step(event: events.Event) -> bool:
    """Return whether something happened on the way from a decision to what follows from it."""
    match event:
        case events.ChildExited(asked=asked):
            return asked
        case (
            events.ChildStopping()
            | events.ChildKilled()
            | events.ChildAdded()
            | events.ChildHeld()
            | events.RestartPaced()
            | events.ChildDetached()
        ):
            return True
    return False


def _concerns(event: events.Event, address: str) -> bool:
    told = ("/", event.address, getattr(event, "child", ""))
    return address in told or isinstance(event, events.ReaperRestarted)


def _add_said(lines: list[Line], event: events.LastLines) -> None:
    """Put last lines to the end that they belong to."""
    for place in reversed(range(len(lines))):
        if lines[place].event.seq == event.cause:
            lines[place] = replace(lines[place], said=event.lines)


def _is_below(address: str, above: str) -> bool:
    return address.startswith(f"{above}/")


def _name(address: str) -> str:
    return address.strip("/") or "the root"


def _who(given: events.CommandGiven, address: str) -> str:
    return f"{given.user} ({_command(given, address)}, pid {given.pid})"


def _command(given: events.CommandGiven, address: str) -> str:
    told = f"supctl {_WORDS.get(given.command, given.command)}"
    if given.detail:
        return f"{told} {given.detail}"
    return told if given.address == address else f"{told} {given.address.strip('/') or 'all'}"


def _memory(event: events.ChildExited) -> str:
    limit, status = event.memory_limit, event.reason.status
    told = " at no limit of its own" if limit is None else f" at its limit of {size(limit)}"
    if status is not None and status.peak_of_all:
        return f"{told}; all its processes had {size(status.peak_of_all)} at the most"
    peak = 0 if status is None else status.peak_memory
    return f"{told}; its main process had {size(peak)} at the most" if peak else told


def _next_attempt(event: events.RestartScheduled) -> str:
    if not event.delay:
        return "started again at once"
    told = f"next attempt in {seconds(event.delay)}"
    if event.exhausted:
        return f"{told}: its limits are used up, and it keeps trying"
    return f"{told}: {_backoff(event)}" if event.initial else told


def _backoff(event: events.RestartScheduled) -> str:
    """Return how a delay came about: ``100 ms x 2^5, full jitter, of at most 30 s``."""
    n, factor = event.restarts - 1, event.factor
    first, longest = seconds(event.initial), seconds(event.maximum)
    if event.jitter == "decorrelated":
        return f"at random, up to 3 times the delay before, of {first} to {longest}"
    power = f" x {factor:g}^{n}" if n and factor != 1 else ""
    jitter = "no jitter" if event.jitter == "none" else f"{event.jitter} jitter"
    return f"{first}{power}, {jitter}, of at most {longest}"


# Lives that end the same way are told once.


def folded(lines: Iterable[Line]) -> Iterator[tuple[Line, int, float]]:
    """Yield lines, and for the first of a life how many lives just like it came before, since
    when; 0 for all others.

    A life begins with a start, or with the failure of one.
    """
    lives: list[list[Line]] = [[]]
    has_ended = False
    for line in lines:
        is_end = isinstance(line.event, events.ChildStartFailed | events.ChildExited)
        if isinstance(line.event, events.ChildStarted) or (is_end and has_ended):
            lives.append([])
            has_ended = False
        has_ended |= is_end
        lives[-1].append(line)
    for _, same in groupby(filter(None, lives), key=lambda life: [it.kind for it in life]):
        first, *others = list(same)
        last = others[-1] if others else first
        for place, line in enumerate(last):
            yield line, 0 if place else len(others), first[0].at_wall
