"""The deadlines of all calls of a trio run, kept by one task.

A cancel scope for each call would cost as much as the call itself. Nearly all calls are answered
long before their deadline and have the same time-out, so they are kept in queues by time-out,
in each of which the first is the next that is due.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Protocol

import trio

from .alarm import Alarm


class Expiring(Protocol):
    """What has a deadline."""

    deadline: float

    def expire(self, timeout: float) -> None:
        """Learn that so many seconds have passed. Must not raise."""


class Deadlines:
    """Calls that wait, and a task that lets them know when they have waited for too long."""

    def __init__(self) -> None:
        self._queues: dict[float, OrderedDict[Expiring, None]] = {}  # by time-out
        self._alarm = Alarm()
        self._alarm_at = math.inf

    def add(self, call: Expiring, timeout: float) -> None:
        """Let ``call`` expire in so many seconds, unless it is discarded before."""
        call.deadline = trio.current_time() + timeout
        queue = self._queues.get(timeout)
        if queue is None:
            queue = self._queues[timeout] = OrderedDict()
        queue[call] = None
        if call.deadline < self._alarm_at:
            self._alarm_at = call.deadline
            self._alarm.set(timeout)

    def discard(self, call: Expiring, timeout: float) -> None:
        """Forget a call that was added with this time-out."""
        queue = self._queues.get(timeout)
        if queue is not None:
            queue.pop(call, None)
            if not queue:
                del self._queues[timeout]

    async def keep(self) -> None:
        """Let calls expire, for ever."""
        while True:
            await self._alarm.sleep()
            now = trio.current_time()
            for timeout, queue in list(self._queues.items()):
                while queue and (call := next(iter(queue))).deadline <= now:
                    self.discard(call, timeout)
                    call.expire(timeout)
            firsts = [next(iter(queue)).deadline for queue in self._queues.values()]
            self._alarm_at = min(firsts, default=math.inf)
            if firsts:
                self._alarm.set(self._alarm_at - now)


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
