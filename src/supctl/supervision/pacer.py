"""The start rate: who of many that want to start again may do so now, and when the others may."""

from __future__ import annotations

import math

from supctl.specs import StartRate


class Pacer:
    """Turns that are given out to restarts, first come, first served.

    Shared by the supervisors of a subtree. The generic cell rate algorithm (ITU-T I.371) in its
    form of virtual scheduling: it remembers one instant, however many wait.

    Args:
        rate: how many, in how long.
    """

    def __init__(self, rate: StartRate) -> None:
        self.rate = rate
        self._interval = rate.within / rate.starts
        self._tolerance = rate.within - self._interval
        self._next_at = -math.inf

    def reserve(self, now: float, starts: int) -> float:
        """Take the next turn for that many starts; return the seconds until it comes."""
        due_at = max(self._next_at, now)
        self._next_at = due_at + starts * self._interval
        return max(0.0, due_at - self._tolerance - now)
