"""What a supervisor's core hears (events) and says (commands): plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from supctl.exits import ExitReason

from .childpolicy import ChildPolicy as ChildPolicy
from .history import NO_PROCESS as NO_PROCESS
from .history import ChildState as ChildState

# What the core hears.


@dataclass(frozen=True, slots=True)
class Begin:
    """Start all children. Comes once, first."""


@dataclass(frozen=True, slots=True)
class ChildWarming:
    """Start number ``run`` of a child is well under way: it runs, and is to become ready."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class ChildUp:
    """Start number ``run`` of a child has succeeded.

    It runs since ``age`` seconds, if it was not started now but taken over.
    """

    name: str
    run: int
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class ChildNotUp:
    """Start number ``run`` of a child has failed."""

    name: str
    run: int
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class ChildIgnored:
    """Start number ``run`` of a child has found that it is not needed (OTP's ``ignore``)."""

    name: str
    run: int


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
class StartChild:
    """Somebody wants a new child (OTP's ``start_child``).

    Answered by the number of its start, or by ``None`` if that was ignored.
    """

    policy: ChildPolicy
    token: Any

    @property
    def name(self) -> str:
        """The name of the child."""
        return self.policy.name


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Somebody wants a child stopped (OTP's ``terminate_child``).

    ``force``: at once, and whatever else is under way. Ours, and no matter of the core's, which
    is told of its end as ever.
    """

    name: str
    token: Any
    force: bool = False


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Somebody wants a child started that does not run (OTP's ``restart_child``).

    Answered as :class:`StartChild` is. ``in_order``: not before what it depends on is as it is to
    be, as for one that is new. Ours.
    """

    name: str
    token: Any
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class RenewChild:
    """Somebody wants a child that has ended when this begins, and runs when it is done. Ours.

    Answered as :class:`StartChild` is. One that comes while another about the same child has no
    answer yet is one with it, unless another request about the child lies between them.
    """

    name: str
    token: Any


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Somebody wants a child forgotten that does not run (OTP's ``delete_child``)."""

    name: str
    token: Any


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """Somebody wants to know the children: answered by names and states, latest first."""

    token: Any


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Somebody wants to know how many there are: answered by :class:`Counts`."""

    token: Any


@dataclass(frozen=True, slots=True)
class GetChildSpec:
    """Somebody wants a child's spec (OTP's ``get_childspec``): answered by its name."""

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


Change: TypeAlias = StartChild | TerminateChild | RestartChild | RenewChild | DeleteChild
Query: TypeAlias = WhichChildren | CountChildren | GetChildSpec
Request: TypeAlias = Change | Query
Event: TypeAlias = (
    Begin
    | ChildWarming
    | ChildUp
    | ChildNotUp
    | ChildIgnored
    | ChildDown
    | TimerFired
    | Request
    | Shutdown
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many children there are (OTP's ``count_children``).

    Args:
        specs: descriptions; 1 for a dynamic supervisor, its template.
        active: those that live.
        supervisors, workers: children of the two kinds, living or not.
    """

    specs: int
    active: int
    supervisors: int
    workers: int


# What the core says.


@dataclass(frozen=True, slots=True)
class Start:
    """Start a child.

    Answered by ``ChildUp``, ``ChildNotUp`` or ``ChildIgnored`` of the same ``run``.
    """

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a child, gracefully and then by force; answered by ``ChildDown``.

    Or, if it was starting, by what a start is answered by.
    """

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class Added:
    """A new child is known from here on; for the one who asked with this ``token``."""

    name: str
    token: Any


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A child is not known any more; it has no process."""

    name: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send :class:`TimerFired` in ``delay`` seconds. Timers are never taken back."""

    name: str
    token: int
    delay: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request, or an error to be raised."""

    token: Any
    result: Any


@dataclass(frozen=True, slots=True)
class RestartScheduled:
    """A child, or its group, will be started again in ``delay`` seconds.

    ``restarts``: how many since its last stable run, this one included. ``exhausted``: it has
    none left, and keeps trying.
    """

    name: str
    delay: float
    restarts: int
    exhausted: bool = False


@dataclass(frozen=True, slots=True)
class RestartPaced:
    """The start rate lets a restart that is due wait for ``delay`` seconds more."""

    name: str
    delay: float


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """A child used up one of its own limits, and stays down.

    ``restarts``: made within ``within`` seconds; without a stable run if that is ``None``.
    """

    name: str
    restarts: int
    within: float | None
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class ChildHeld:
    """A child is not started yet, as what it depends on is not as it is to be.

    Args:
        needs: those that are not up.
        awaits: those that have not ended, or completed, yet.
        failed: those that have ended, and not with success.
    """

    name: str
    needs: tuple[str, ...]
    awaits: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Context(StrEnum):
    """What a report is about (OTP's error contexts, OTP-REP-01)."""

    CHILD_TERMINATED = "child_terminated"
    """A child ended that should not have: abnormally, or it is permanent."""
    START_ERROR = "start_error"
    """A start failed, at the beginning or in a restart."""
    SHUTDOWN_ERROR = "shutdown_error"
    """A child that was asked to stop ended otherwise than by that."""
    SHUTDOWN = "shutdown"
    """The supervisor gives up."""


@dataclass(frozen=True, slots=True)
class Report:
    """What OTP's supervisor would report as an error.

    ``children``: how many, where a dynamic supervisor that stops tells of all that ended for
    one reason; ``name`` is then empty.
    """

    context: Context
    name: str
    reason: ExitReason
    children: int = 1


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The supervisor saw more restarts than its intensity allows, this child's being the last."""

    name: str
    restarts: int
    within: float
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class AutoShutdown:
    """The supervisor ends because this child, a significant or an essential one, has ended."""

    name: str


@dataclass(frozen=True, slots=True)
class Up:
    """All children have been started, or have failed to start once where that is borne."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The supervisor is over and nothing of it runs. The last command.

    Args:
        reason: for its own supervisor; ``shutdown`` also after giving up, as in OTP;
            ``escalated`` if that one has to end too.
        gave_up: set if it gave up.
        not_started: the child that did not start, if the start phase failed.
    """

    reason: ExitReason
    gave_up: GaveUp | None = None
    not_started: str | None = None


Command: TypeAlias = (
    Start
    | Stop
    | Added
    | Forgotten
    | SetTimer
    | Reply
    | RestartScheduled
    | RestartPaced
    | ChildFailed
    | ChildHeld
    | Report
    | GaveUp
    | AutoShutdown
    | Up
    | Finished
)
