"""The children that a supervisor's core knows, in start order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supctl.specs import Restart, Strategy

from . import messages as m
from .flags import Flags
from .history import History
from .messages import NO_PROCESS, ChildPolicy, ChildState
from .window import RestartWindow

if TYPE_CHECKING:
    from .plan import Plan


@dataclass(slots=True, eq=False)
class ChildRecord:
    """The core's record of one child."""

    policy: ChildPolicy
    place: int = 0
    """Grows in start order; not an index."""
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
    admitted: bool = False
    """Whether the start rate has given it its turn already."""
    is_warming: bool = False
    """Whether its start waits for nothing but that it becomes ready."""
    window: RestartWindow | None = None
    """Its restarts that count against its own limit."""
    was_up: bool = False
    """Whether a start has succeeded, or was ignored, since it is known."""
    kept: bool = False
    """Whether it is stopped to be started again, and so not forgotten."""
    exit_waits: m.ChildDown | None = None
    """Its end, while that waits in the inbox."""
    plan: Plan | None = None
    """What awaits it."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.policy.name

    def forgive(self) -> None:
        """Let its restarts count no more: somebody has taken it in hand."""
        self.streak, self.delay = 0, 0.0
        limit = self.policy.limit
        self.window = None if limit is None else RestartWindow(limit)

    def begins(self) -> bool:
        """Return whether it starts with its supervisor; see to it if it was not to go on."""
        past = self.policy.past.state
        if past is None:
            return self.policy.autostart
        ended = past in (ChildState.STOPPED, ChildState.STOPPING)
        self.was_up = ended
        if past is ChildState.FAILED:
            self.state = past
        return not ended and past is not ChildState.FAILED and self.exit_waits is None

    def recall(self, now: float) -> None:
        """Let its restarts of before count on."""
        past = self.policy.past
        self.streak, self.delay = past.streak, past.delay
        if self.window is not None:
            self.window.recall(past.recent, now)

    def history(self, now: float) -> History:
        """Return what is to be remembered of it."""
        ran = now - self.started_at if self.state is ChildState.RUNNING else 0.0
        waits = self.state is ChildState.WAITING and self.due_at is not None
        return History(
            streak=0 if ran >= self.policy.stable_after else self.streak,
            delay=self.delay,
            recent=() if self.window is None else self.window.ages(now),
            wait=max(0.0, self.due_at - now) if waits and self.due_at is not None else None,
        )

    def respecify(self, policy: ChildPolicy) -> None:
        """Go by another policy; its restarts so far still count."""
        self.policy = policy
        if policy.limit is None:
            self.window = None
        elif self.window is None:
            self.window = RestartWindow(policy.limit)
        else:
            self.window.intensity = policy.limit

    def used_up(self, now: float) -> tuple[int, float | None] | None:
        """Note one more restart, if its own limits allow it; if not, return which does not.

        That is a number of restarts, and in how many seconds; ``None``: without a stable run.
        """
        allowed = self.policy.give_up_after
        if allowed is not None and self.streak >= allowed:
            return self.streak, None
        if self.window is None or self.window.add(now):
            return None
        return len(self.window), self.window.within

    @property
    def has_run(self) -> bool:
        """Whether it was ever started, be it under a supervising process of before."""
        return self.run > 0 or self.policy.past.begun

    @property
    def has_begun(self) -> bool:
        """Whether it does not wait for its first start."""
        return self.state is not ChildState.HELD

    @property
    def has_failed(self) -> bool:
        """Whether its own limits allow no more restarts."""
        return self.state is ChildState.FAILED

    @property
    def lives(self) -> bool:
        """Whether it has a process, as far as is known."""
        return self.state not in NO_PROCESS and self.exit_waits is None


class Children:
    """Children by name, in start order: those there at the beginning, then added ones.

    Args:
        policies: in start order.
        flags: of the supervisor. What is dynamic does not keep those that have ended.
    """

    def __init__(self, policies: Iterable[ChildPolicy], flags: Flags) -> None:
        self._flags = flags
        self._places = 0
        self._by_name: dict[str, ChildRecord] = {}
        for policy in policies:
            self.add(policy)
        self._listed = frozenset(self._by_name)

    def __iter__(self) -> Iterator[ChildRecord]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __getitem__(self, name: str) -> ChildRecord:
        return self._by_name[name]

    def get(self, name: str) -> ChildRecord | None:
        """Return the child of that name, if there is one."""
        return self._by_name.get(name)

    def add(self, policy: ChildPolicy) -> ChildRecord:
        """Put a new child behind all others."""
        child = ChildRecord(policy)
        child.forgive()
        self._put(child)
        return child

    def _put(self, child: ChildRecord) -> None:
        self._places += 1
        child.place = self._places
        self._by_name[child.name] = child

    def respecify(self, policies: Iterable[ChildPolicy], flags: Flags) -> None:
        """Go by these from now on, in this order; others stay, behind them (OTP-UPG-03)."""
        self._flags = flags
        others, self._by_name = self._by_name, {}
        for policy in policies:
            child = others.pop(policy.name, None)
            if child is None:
                self.add(policy)
            else:
                child.respecify(policy)
                self._put(child)
        self._listed = frozenset(self._by_name)
        for child in others.values():
            self._put(child)

    def is_listed(self, name: str) -> bool:
        """Return whether a child of that name is of the spec, and not one that was added."""
        return name in self._listed

    def remove(self, child: ChildRecord) -> None:
        """Forget a child."""
        del self._by_name[child.name]

    def lets_go(self, child: ChildRecord) -> bool:
        """Return whether a child that has ended is to be forgotten (OTP-TYPE-04, OTP-SOFO-04)."""
        for_once = self._flags.is_dynamic or child.policy.restart is Restart.TEMPORARY
        return for_once and not child.kept and self._by_name.get(child.name) is child

    def group(self, child: ChildRecord) -> list[ChildRecord]:
        """Return who is restarted together with ``child``, in start order."""
        match self._flags.strategy:
            case Strategy.ONE_FOR_ONE | Strategy.SIMPLE_ONE_FOR_ONE:
                return [child]
            case Strategy.ONE_FOR_ALL:
                return list(self)
            case Strategy.REST_FOR_ONE:
                return [other for other in self if other.place >= child.place]

    def counts(self) -> m.Counts:
        """Return how many there are (OTP-API-07, OTP-SOFO-08)."""
        supervisors = sum(child.policy.is_supervisor for child in self)
        workers = len(self) - supervisors
        if self._flags.is_dynamic:
            active = sum(child.state is not ChildState.WAITING for child in self)
            return m.Counts(1, active, supervisors, workers)
        active = sum(child.lives for child in self)
        return m.Counts(len(self), active, supervisors, workers)


def revived(group: Iterable[ChildRecord]) -> list[ChildRecord]:
    """Return who of a group is started: also what was stopped before (OTP-OFA-02, -03)."""
    return [
        child
        for child in group
        if child.state is not ChildState.FAILED
        and not (child.policy.restart is Restart.TEMPORARY and child.has_begun)
        and (child.policy.autostart or child.has_run)
    ]
