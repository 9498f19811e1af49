"""Typed events: everything that happens in a tree, as immutable values.

An event says what happened (its type), where (``address``) and when (``at``, the
monotonic clock of the tree; ``at_wall``, seconds since 1970). ``seq`` grows by one
from event to event of a tree, and ``cause`` is the ``seq`` of the event that led to
this one, so that a chain from a crash to an escalation can be followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Final, cast

from .exits import ExitKind, ExitReason, ExitStatus

_PLAIN: Final = frozenset({str, int, float, bool, NoneType})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events. ``seq`` and the times are given by the tree's event log."""

    address: str
    cause: int | None = None
    seq: int = 0
    at: float = 0.0
    at_wall: float = 0.0

    @property
    def kind(self) -> str:
        """Return the event's name in JSON: ``"child_started"`` for ``ChildStarted``."""
        return _kind_of(type(self).__name__)

    def as_dict(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        told: dict[str, Any] = {"event": self.kind}
        for name in _names_of(cast("Any", type(self))):
            told[name] = _plain(getattr(self, name))
        return told


@cache
def _kind_of(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


@cache
def _names_of(kind: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:  # most of them
        return value
    if isinstance(value, ExitReason):
        return _reason_as_dict(value)
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _reason_as_dict(reason: ExitReason) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": str(reason.kind),
        "text": str(reason),
        "detail": reason.detail,
    }
    if reason.status is not None:
        status = reason.status
        told |= {name: getattr(status, name) for name in _names_of(ExitStatus)}
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStarted(Event):
    """A child runs. ``pid`` is 0 for what has no process of its own.

    One that is to become ready counts as up only at its :class:`ChildReady`.
    """

    pid: int
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildKept(Event):
    """A child goes on as it was, since ``age`` seconds; whoever supervised it was lost."""

    pid: int
    restarts: int
    age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildReady(Event):
    """A child that was started has become ready, ``after`` seconds; now it counts as up."""

    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanged(Event):
    """The health of a child is another than before.

    ``health``: ``healthy``, ``unhealthy`` or ``unresponsive``; ``said``: what has shown that.
    """

    health: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStartFailed(Event):
    """An attempt to start a child failed; nothing of it is left.

    Comes after :class:`ChildStarted` if it ran, but did not become ready.
    """

    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildIgnored(Event):
    """A child that was started found that it is not needed; it does not run, and that is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildAdded(Event):
    """A child was added to a supervisor that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildForgotten(Event):
    """A child that was added does not run any more and is not known any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStopping(Event):
    """A child was asked to stop; it has ``grace`` seconds."""

    grace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildKilled(Event):
    """A child did not stop within its grace, and is killed with all its descendants."""

    grace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildDetached(Event):
    """The main process of an app ended but its children (``pids``) live on."""

    pids: tuple[int, ...]
    kept: bool
    """Whether they may live on (``detached = true``) or are being ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildPaused(Event):
    """All processes of an app were told to stand still (SIGSTOP)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildResumed(Event):
    """The processes of a paused app go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSignalled(Event):
    """Signal ``number`` was sent to a child because somebody wanted that."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesChanged(Event):
    """Files that a child is made of have changed, and it is restarted.

    ``paths``: the first of them, relative to its working directory where they are in it;
    ``others``: how many more.
    """

    paths: tuple[str, ...]
    others: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesUnwatched(Event):
    """Not all files that a child is made of can be watched (``problem``), or all can again (it is
    empty). The child runs on."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildExited(Event):
    """A child ended. ``asked`` tells whether we had asked it to."""

    reason: ExitReason
    asked: bool
    uptime: float
    memory_limit: int | None = None
    """Bytes that it might use, if it had used them up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartScheduled(Event):
    """A child, or the group it belongs to, will be started again in ``delay`` seconds.

    ``restarts``: how many since its last stable run, this one included.
    """

    delay: float
    restarts: int
    exhausted: bool = False
    """Whether its own limits allow no more, and it keeps trying (``exhausted``)."""
    initial: float = 0.0
    factor: float = 1.0
    maximum: float = 0.0
    jitter: str = "none"
    """Those of its back-off, which the delay comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPaced(Event):
    """A restart is due, but the start rate gives it its turn only in ``delay`` seconds."""

    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildFailed(Event):
    """A child used up one of its own limits; it stays down."""

    restarts: int
    reason: ExitReason
    within: float | None = None
    """Seconds in which it had so many restarts; ``None``: it had them without a stable run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildHeld(Event):
    """A child is not started yet: ``needs``, which it depends on, are not up."""

    needs: tuple[str, ...]
    awaits: tuple[str, ...] = ()
    """Those that have not ended, or completed, yet."""
    failed: tuple[str, ...] = ()
    """Those that were to complete, and have ended otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorGaveUp(Event):
    """A supervisor saw more restarts than its intensity allows and fails upwards."""

    child: str
    restarts: int
    within: float
    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorAutoShutdown(Event):
    """A supervisor ends because ``child`` has ended for good, which is significant or essential,
    or has no restarts left and shuts down the tree; or below which that has happened."""

    child: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorReport(Event):
    """What OTP's supervisor would report as an error, for those who watch for that.

    The event that it is about is its ``cause``.
    """

    context: str
    """``child_terminated``, ``start_error``, ``shutdown_error`` or ``shutdown``."""
    child: str
    """Its address; empty if it is about several children."""
    children: int
    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsNotEnforced(Event):
    """An app runs, but a limit that was asked for cannot be enforced on this system."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLost(Event):
    """Output of an app cannot be stored (``errno``), or can be again (``errno`` 0).

    ``lost``: bytes that nobody had room for, so far; 0 as long as they can wait. The app runs on,
    and may wait when its pipe is full (``when_full`` of its log).
    """

    errno: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaperRestarted(Event):
    """The reaper was gone. So many of its programs as are ``kept`` go on under a new one (``pid``);
    the others were ended."""

    detail: str
    pid: int
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandGiven(Event):
    """Somebody has told the daemon to do something about a child, or about all (``/``).

    ``command`` is a method of the control protocol; ``user``, ``uid`` and ``pid`` are of the
    process that has called it; ``detail`` is what else it said: a file, a signal, a number.
    """

    command: str
    user: str
    uid: int
    pid: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChanged(Event):
    """The file of a project (``source``) has been edited, and what runs follows that."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigRefused(Event):
    """The file of a project (``source``) has been edited and cannot be used (``mistakes``), or can
    be again (there are none). What runs goes on as it is."""

    source: str
    mistakes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStarted(Event):
    """A daemon has begun.

    ``lost``: there was one before it, which has not ended in order; ``how`` it ended, if known.
    ``upgrade``: the version that it has taken over from, or that has ``failed`` to take over, and
    why.
    """

    pid: int
    version: str
    lost: bool
    how: str = ""
    upgrade: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStopped(Event):
    """A daemon ends in order."""

    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLines(Event):
    """What a child wrote last before the end that is the ``cause`` of this."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeStarted(Event):
    """All children of the root have been started, or have failed to start once where the root
    bears that (``start_failures``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeStopped(Event):
    """Nothing of the tree is left."""

    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsMissed(Event):
    """A slow reader missed ``count`` events; the tree did not wait for it."""

    count: int


def event_of(told: Mapping[str, Any]) -> Event:
    """Return the event that :meth:`Event.as_dict` has told.

    One that is not known here, from a supctl of another version, becomes a plain :class:`Event`;
    facts that are not known are left out.
    """
    kinds = {kind.__name__: kind for kind in Event.__subclasses__()}
    kind = kinds.get(told["event"].title().replace("_", ""), Event)
    known = {item.name for item in fields(kind)}
    facts = {name: value for name, value in told.items() if name in known}
    if isinstance(facts.get("reason"), dict):
        facts["reason"] = _reason_of(facts["reason"])
    return kind(**facts)


def _reason_of(told: Mapping[str, Any]) -> ExitReason:
    names = {item.name for item in fields(ExitStatus)}
    status = {name: value for name, value in told.items() if name in names}
    return ExitReason(
        ExitKind(told["kind"]), ExitStatus(**status) if status else None, told["detail"]
    )
