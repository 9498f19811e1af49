"""What a supervisor's core remembers: of each child, and of the plan under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from supctl.exits import ExitReason

from . import messages as m
from .messages import ChildPolicy, ChildState


@dataclass(slots=True, eq=False)
class ChildRecord:
    """The core's record of one child."""

    policy: ChildPolicy
    place: int
    state: ChildState = ChildState.STOPPED
    run: int = 0
    started_at: float = 0.0
    streak: int = 0
    """Restarts since the last stable run."""
    delay: float = 0.0
    """The back-off before the last restart."""
    due_at: float | None = None
    timer: int = 0
    """Token of the timer that counts; those with others are stale."""
    exit_waits: m.ChildDown | None = None
    """Its end, while that waits in the inbox."""
    forgotten: bool = False
    """A temporary child that has ended: a group restart does not bring it back."""


class StepKind(Enum):
    """What a step does to its children."""

    START = auto()
    STOP = auto()


@dataclass(slots=True)
class Step:
    """Children to be started or stopped together; the next step begins when all have answered."""

    kind: StepKind
    children: Sequence[ChildRecord]


@dataclass(slots=True)
class Plan:
    """Steps under way, what comes after the last, and what if a child does not start."""

    steps: deque[Step]
    then: Callable[[], None]
    failed: Callable[[ChildRecord, ExitReason], None]
    request: m.TerminateChild | m.RestartChild | None = None
    """Whose answer is lost if the plan is dropped."""
    awaited: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed restart to be tried again, behind all that has already arrived (OTP-AGAIN-01)."""

    name: str
    reason: ExitReason
