"""The events of one tree: numbered, kept for a while, and handed to whoever listens."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Self, TypeVar

import trio

from supctl.errors import FAULTS
from supctl.events import Event, EventsMissed

E = TypeVar("E", bound=Event)

_log = logging.getLogger("supctl.supervision")

_KEPT: Final = 1000
"""Events kept for those who look back; about 300 bytes each."""

_WAITING: Final = 1000
"""Events that wait for a slow reader before it misses the oldest."""


_cause: ContextVar[int | None] = ContextVar("cause", default=None)


@contextmanager
def because_of(event: Event) -> Iterator[None]:
    """Have ``event`` be the cause of what is asked of a tree inside the block."""
    with because_of_number(event.seq):
        yield


@contextmanager
def because_of_number(number: int | None) -> Iterator[None]:
    """As :func:`because_of`, of the event of that number; of none for ``None``."""
    before = _cause.set(number)
    try:
        yield
    finally:
        _cause.reset(before)


def forget_cause() -> None:
    """Have what is done from here on in this task have no cause: it lives a life of its own."""
    _cause.set(None)


def current_cause() -> int | None:
    """Return the number of the event of the innermost :func:`because_of`, if there is one."""
    return _cause.get()


class Subscription:
    """One reader's events, from the moment it began to listen.

    A reader that lags more than ``limit`` events behind misses the oldest and gets an
    :class:`~supctl.events.EventsMissed` in their place; the tree never waits for it.
    """

    def __init__(self, limit: int = _WAITING) -> None:
        self._limit = limit
        self._waiting: deque[Event] = deque()
        self._missed = 0
        self._arrived = trio.Event()
        self._closed = False

    def offer(self, event: Event) -> None:
        """Add an event; drops the oldest if too many wait."""
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(event)
        self._arrived.set()

    def close(self) -> None:
        """Let the reader come to its end once it has read what waits."""
        self._closed = True
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._arrived = trio.Event()
            await self._arrived.wait()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._missed:
            first, missed = self._waiting[0], self._missed
            self._missed = 0
            return EventsMissed(
                address="/", count=missed, seq=first.seq - 1, at=first.at, at_wall=first.at_wall
            )
        return self._waiting.popleft()


class EventLog:
    """Numbers events, keeps the latest and hands them to all subscriptions.

    Args:
        wall_clock: returns seconds since 1970, the ``at_wall`` of events.
        handler: called with every event. What it raises is logged, and harms nobody.
        after: number of the last event of an earlier life of the tree.
    """

    def __init__(
        self,
        wall_clock: Callable[[], float] = time.time,
        handler: Callable[[Event], None] = lambda _: None,
        after: int = 0,
    ) -> None:
        self._seq = after
        self._handler = handler
        self._wall_clock = wall_clock
        self._subscriptions: list[Subscription] = []
        self.latest: deque[Event] = deque(maxlen=_KEPT)

    def number_after(self, seq: int) -> None:
        """Number the next event behind ``seq``, if it is not anyway."""
        self._seq = max(self._seq, seq)

    def emit(self, kind: Callable[..., E], **facts: Any) -> E:
        """Record an event, with the next number and the present times, and return it."""
        self._seq += 1
        at, at_wall = trio.current_time(), self._wall_clock()
        told = kind(seq=self._seq, at=at, at_wall=at_wall, **facts)
        self.latest.append(told)
        for subscription in self._subscriptions:
            subscription.offer(told)
        try:
            self._handler(told)
        except FAULTS:  # the user's
            _log.exception("the handler of events failed on %r", told)
        return told

    def chain(self, event: Event) -> list[Event]:
        """Return ``event`` and what has led to it, the first cause first, as far as is kept."""
        known = {kept.seq: kept for kept in self.latest}
        chain = [event]
        while (cause := known.get(chain[-1].cause or 0)) is not None:
            chain.append(cause)
        return chain[::-1]

    def story(self, address: str) -> list[Event]:
        """Return what has happened to the child at ``address``, what its supervisor has done for
        it, and all that has led to that, the oldest first, as far as is kept."""
        causes: set[int | None] = set()
        story = []
        for event in reversed(self.latest):
            if address in (event.address, getattr(event, "child", "")) or event.seq in causes:
                causes.add(event.cause)
                story.append(event)
        return story[::-1]

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Listen from now on, inside the block."""
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def close(self) -> None:
        """Let all readers come to their end."""
        for subscription in self._subscriptions:
            subscription.close()
