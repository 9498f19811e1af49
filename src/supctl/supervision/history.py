"""What is remembered of children and supervisors over the end of their process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from supctl.exits import ExitReason


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
    """Its own limits allow no more restarts."""
    HELD = "held"
    """It has not been started yet, and will be when what it depends on is up."""


NO_PROCESS: Final = frozenset(
    {ChildState.STOPPED, ChildState.WAITING, ChildState.FAILED, ChildState.HELD}
)


@dataclass(frozen=True, slots=True)
class History:
    """What was with one child. Times are ages, as trio's clock lasts no longer than its process.

    Args:
        restarts: automatic ones, as people see them.
        streak: those since the last stable run; the next back-off follows from it.
        delay: the last back-off, in seconds.
        recent: seconds since each of those that count against its ``max_restarts``.
        wait: seconds that are left of a back-off; ``None``: it does not wait for one.
        stop_asked: whether its last life was stopped on request.
        age: seconds since it was started, if it lives; ``None``: that does not matter.
        reason: why it ended last.
        state: where its core believed it to be; ``None``: that does not matter any more, as all
            that was there has ended with the process.
        begun: whether it was ever started.
        unheard: why it has ended, while that has had no consequences yet.
        completed: whether it has ended with success once; ``None``: it has not ended for good.
    """

    restarts: int = 0
    streak: int = 0
    delay: float = 0.0
    recent: tuple[float, ...] = ()
    wait: float | None = None
    stop_asked: bool = False
    age: float | None = None
    reason: ExitReason | None = None
    state: ChildState | None = None
    begun: bool = False
    unheard: ExitReason | None = None
    completed: bool | None = None

    @property
    def outlived(self) -> bool:
        """Whether it has a process that has outlived the supervising process of before."""
        return self.state in (ChildState.STARTING, ChildState.RUNNING)

    def aged(self, seconds: float) -> History:
        """Return what it is so many seconds later."""
        wait = None if self.wait is None else max(0.0, self.wait - seconds)
        age = None if self.age is None else self.age + seconds
        recent = tuple(age + seconds for age in self.recent)
        return replace(self, recent=recent, wait=wait, age=age)


NOTHING: Final = History()
"""That of a child which has never been restarted."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was with one supervisor itself. Times are ages.

    Args:
        recent: seconds since each of the restarts that count against its intensity.
        group_of: name of the child whose group was being stopped, to be started with it;
            ``None``: no group was.
        ending: with what it was about to end; ``None``: it was not.
    """

    recent: tuple[float, ...] = ()
    group_of: str | None = None
    ending: ExitReason | None = None

    def aged(self, seconds: float) -> Standing:
        """Return what it is so many seconds later."""
        return replace(self, recent=tuple(age + seconds for age in self.recent))


NEW: Final = Standing()
"""That of a supervisor which has just begun."""
