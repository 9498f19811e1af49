"""The deadlines of all calls of a trio run, kept by one task.

A cancel scope for each call would cost as much as the call itself. Nearly all calls are answered
long before their deadline, so that nothing is done for a call then: it is only known here as long
as somebody else holds it.
"""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Protocol, TypeAlias
from weakref import ref

import trio

from .alarm import Alarm

_LEAST: Final = 256
"""Calls, and what is left of calls, of which there may be as many before those are dropped."""


class Expiring(Protocol):
    """What has a deadline."""

    def expire(self, timeout: float) -> None:
        """Learn that so many seconds have passed. Must not raise; does nothing if it is over."""


_Entry: TypeAlias = "tuple[float, int, float, ref[Expiring]]"
"""Trio's time, a number that makes entries different, the time-out, the call."""


class Deadlines:
    """Calls that wait, and a task that lets them know when they have waited for too long."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []  # a heap
        self._numbers = count()
        self._most = _LEAST
        self._alarm = Alarm()
        self._alarm_at = math.inf

    def add(self, call: Expiring, timeout: float) -> None:
        """Let ``call`` expire in so many seconds, if somebody still holds it then."""
        deadline = trio.current_time() + timeout
        heappush(self._entries, (deadline, next(self._numbers), timeout, ref(call)))
        if deadline < self._alarm_at:
            self._alarm_at = deadline
            self._alarm.set(timeout)
        if len(self._entries) > self._most:
            self._drop_leftovers()

    def _drop_leftovers(self) -> None:
        self._entries = [entry for entry in self._entries if entry[3]() is not None]
        heapify(self._entries)
        self._most = max(_LEAST, 2 * len(self._entries))

    async def keep(self) -> None:
        """Let calls expire, for ever."""
        while True:
            await self._alarm.sleep()
            now = trio.current_time()
            while self._entries and self._is_done_with(self._entries[0], now):
                heappop(self._entries)
            self._alarm_at = self._entries[0][0] if self._entries else math.inf
            if self._entries:
                self._alarm.set(self._alarm_at - now)

    def _is_done_with(self, entry: _Entry, now: float) -> bool:
        deadline, _, timeout, reference = entry
        call = reference()
        if call is not None and deadline <= now:
            call.expire(timeout)
        return call is None or deadline <= now


_deadlines: trio.lowlevel.RunVar[Deadlines] = trio.lowlevel.RunVar("supctl.deadlines")


def current_deadlines() -> Deadlines:
    """Return those of this trio run."""
    try:
        return _deadlines.get()
    except LookupError:
        deadlines = Deadlines()
        _deadlines.set(deadlines)
        trio.lowlevel.spawn_system_task(deadlines.keep)
        return deadlines
