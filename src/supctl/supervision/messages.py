"""What a supervisor's core hears (events) and says (commands): plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from supctl.exits import ExitReason
from supctl.specs import Backoff, ChildSpec, Restart


@dataclass(frozen=True, slots=True)
class ChildPolicy:
    """All that the core must know of a child."""

    name: str
    restart: Restart = Restart.PERMANENT
    backoff: Backoff = field(default_factory=Backoff)
    give_up_after: int | None = None

    @classmethod
    def of(cls, name: str, spec: ChildSpec) -> ChildPolicy:
        """Return the policy of ``spec`` for the child called ``name``."""
        return cls(name, spec.restart, spec.backoff, spec.give_up_after)


class ChildState(StrEnum):
    """Where the core believes a child to be."""

    STOPPED = "stopped"
    """It has no process: not started yet, ended for good, or stopped on request."""
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    WAITING = "waiting"
    """Its restart is due (OTP's *restarting*)."""
    FAILED = "failed"
    """It used up its ``give_up_after``."""


# What the core hears.


@dataclass(frozen=True, slots=True)
class Begin:
    """Start all children. Comes once, first."""


@dataclass(frozen=True, slots=True)
class ChildUp:
    """Start number ``run`` of a child has succeeded."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class ChildNotUp:
    """Start number ``run`` of a child has failed."""

    name: str
    run: int
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class ChildDown:
    """A child that was up has ended, by itself or because it was asked to."""

    name: str
    run: int
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The delay of a :class:`SetTimer` is over."""

    name: str
    token: int


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Somebody wants a child stopped (OTP's ``terminate_child``)."""

    name: str
    token: Any


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Somebody wants a child started that does not run (OTP's ``restart_child``)."""

    name: str
    token: Any


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The parent wants the supervisor to end.

    Args:
        urgent: do not finish what is under way, as OTP's supervisor would: it starts no more
            children from here on.
    """

    urgent: bool = False


Event: TypeAlias = (
    Begin | ChildUp | ChildNotUp | ChildDown | TimerFired | TerminateChild | RestartChild | Shutdown
)

# What the core says.


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start a child; answered by ``ChildUp`` or ``ChildNotUp`` of the same ``run``."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class StopChild:
    """Stop a child, gracefully and then by force; answered by ``ChildDown``.

    Or, if it was starting, by ``ChildNotUp``.
    """

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send :class:`TimerFired` in ``delay`` seconds. Timers are never taken back."""

    name: str
    token: int
    delay: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request: ``None``, or an error to be raised."""

    token: Any
    result: Exception | None


@dataclass(frozen=True, slots=True)
class RestartScheduled:
    """A child, or its group, will be started again in ``delay`` seconds.

    ``restarts``: how many since its last stable run, this one included.
    """

    name: str
    delay: float
    restarts: int


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """A child used up its ``give_up_after`` and stays down."""

    name: str
    restarts: int
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The supervisor saw more restarts than its intensity allows, this child's being the last."""

    name: str
    restarts: int
    within: float
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Up:
    """All children have been started."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The supervisor is over and nothing of it runs. The last command.

    Args:
        reason: for its own supervisor; ``shutdown`` also after giving up, as in OTP.
        gave_up: set if it gave up.
        not_started: the child that did not start, if the start phase failed.
    """

    reason: ExitReason
    gave_up: GaveUp | None = None
    not_started: str | None = None


Command: TypeAlias = (
    StartChild
    | StopChild
    | SetTimer
    | Reply
    | RestartScheduled
    | ChildFailed
    | GaveUp
    | Up
    | Finished
)
