"""An alarm: one task sleeps, and others may wake it or give it a deadline."""

from __future__ import annotations

import math

import trio


class Alarm:
    """Sleeping until a deadline that is set from outside, or until there is nothing to wait for.

    Made lean, as a tree of a thousand apps has a thousand: a sleep without deadline needs no
    cancel scope, and being woken raises nothing.
    """

    __slots__ = ("_deadline", "_off", "_sleeper")

    def __init__(self) -> None:
        self._deadline = math.inf
        self._off = False
        self._sleeper: trio.lowlevel.Task | None = None

    def set(self, seconds: float) -> None:
        """Let the sleeper be woken in so many seconds; replaces an earlier deadline."""
        self._deadline = trio.current_time() + seconds
        self._wake()

    def turn_off(self) -> None:
        """Let the sleeper go; it need not sleep any more."""
        self._off = True
        self._wake()

    def _wake(self) -> None:
        if self._sleeper is not None:
            sleeper, self._sleeper = self._sleeper, None
            trio.lowlevel.reschedule(sleeper)

    async def sleep(self) -> bool:
        """Sleep; return whether a deadline woke us, else the alarm is off. For one task only."""
        while not self._off:
            if self._deadline == math.inf:
                await self._wait()
                continue
            with trio.CancelScope(deadline=self._deadline) as scope:
                await self._wait()
            if scope.cancelled_caught:
                self._deadline = math.inf
                return True
        return False

    async def _wait(self) -> None:
        self._sleeper = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._sleeper = None
        return trio.lowlevel.Abort.SUCCEEDED
