"""The deadlines of all calls of a trio run, kept by one task.

A cancel scope for each call would cost as much as the call itself. Calls with the same time-out
reach their deadlines in the order in which they were made, and nearly all are answered long
before: so each time-out has a lane of its own, in which nothing needs to be sorted.
"""

from __future__ import annotations

import math
from itertools import takewhile
from typing import Final, Protocol

import trio

from .alarm import Alarm

_LANES: Final = 64
"""Time-outs that are remembered although no call has them just now."""


class Expiring(Protocol):
    """What has a deadline."""

    def expire(self, timeout: float) -> None:
        """Learn that so many seconds have passed. Must not raise; does nothing if it is over."""


class Deadlines:
    """Calls that wait, and a task that lets them know when they have waited for too long."""

    def __init__(self) -> None:
        self._now = trio.lowlevel.current_clock().current_time  # half of trio.current_time()'s time
        self._lanes: dict[float, dict[Expiring, float]] = {}  # by time-out: calls to deadlines
        self._alarm = Alarm()
        self._alarm_at = math.inf

    def add(self, call: Expiring, timeout: float) -> None:
        """Let ``call`` expire in so many seconds. :meth:`discard` has to follow."""
        deadline = self._now() + timeout
        lane = self._lanes.get(timeout)
        if lane is None:
            lane = self._lanes[timeout] = {}
        lane[call] = deadline
        if deadline < self._alarm_at:
            self._alarm_at = deadline
            self._alarm.set(timeout)

    def discard(self, call: Expiring, timeout: float) -> None:
        """Forget a call with that time-out, if it has not expired."""
        lane = self._lanes.get(timeout)
        if lane is not None:
            lane.pop(call, None)
            if not lane and len(self._lanes) > _LANES:
                del self._lanes[timeout]

    async def keep(self) -> None:
        """Let calls expire, for ever."""
        while True:
            await self._alarm.sleep()
            now = self._now()
            self._alarm_at = math.inf
            for timeout, lane in self._lanes.items():
                self._alarm_at = min(self._alarm_at, _expire(lane, timeout, now))
            if self._alarm_at < math.inf:
                self._alarm.set(self._alarm_at - now)


def _expire(lane: dict[Expiring, float], timeout: float, now: float) -> float:
    """Let those expire whose deadline has passed; return when the next one will."""
    late = [call for call, _ in takewhile(lambda entry: entry[1] <= now, lane.items())]
    for call in late:
        del lane[call]
        call.expire(timeout)
    return next(iter(lane.values()), math.inf)


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
