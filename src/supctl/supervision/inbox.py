"""What a supervisor's core has been told and has not seen to yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeAlias

from . import messages as m
from .children import Children
from .ground import Ground
from .plan import Retry
from .plans import Plans

Waiting: TypeAlias = m.Event | Retry


class Inbox:
    """Keeps events in order of arrival, until no plan that is under way is in their way.

    Args:
        children, plans: those of the supervisor.
        ground: its core. If that is concurrent, a plan of one child holds up nothing but what is
            about that child; nor does one that only waits until its child is ready, where each
            goes its own way. OTP knows no such thing: there a start is over as soon as the child
            runs.
    """

    def __init__(self, children: Children, plans: Plans, ground: Ground) -> None:
        self._children, self._plans, self._ground = children, plans, ground
        self._events: deque[Waiting] = deque()

    def put(self, event: Waiting) -> None:
        """Put an event behind all others."""
        self._events.append(event)

    def empty(self) -> Iterator[Waiting]:
        """Take out all events."""
        while self._events:
            yield self._events.popleft()

    def take(self) -> Waiting | None:
        """Take out the first event that need not wait for a plan."""
        if not self._events:
            return None
        if not self._plans:
            return self._events.popleft()
        flags = self._ground.flags
        is_free = flags.concurrent or (flags.sets_apart and self._plans.only_warm)
        if self._plans.concern_all or not is_free:
            return None
        for place, event in enumerate(self._events):
            if self._need_not_wait(event):
                del self._events[place]
                return event
        return None

    def _need_not_wait(self, event: Waiting) -> bool:
        """Return whether the plans that are under way are of no concern to ``event``."""
        if isinstance(event, m.Query):
            return True
        if isinstance(event, m.Begin | m.Shutdown):
            return False
        child = self._children.get(event.name)
        if child is None or child.plan is None:
            return True
        # What does not come up can be called off.
        calls_off = isinstance(event, m.TerminateChild | m.RenewChild)
        return calls_off and child.plan.is_start
