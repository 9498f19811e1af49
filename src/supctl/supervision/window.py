"""The restarts that a supervisor still remembers, and whether one more is bearable."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from supctl.specs import Intensity

MOST_AGES: Final = 1000
"""How many restarts are told to another process, which has to do with that."""


class RestartWindow:
    """A sliding window over the moments of restarts (OTP's ``supervisor:add_restart/3``)."""

    def __init__(self, intensity: Intensity) -> None:
        self.intensity = intensity
        """How many it bears, and its length; may change (OTP-UPG-04)."""
        self._restarted_at: deque[float] = deque()

    @property
    def within(self) -> float:
        """Its length in seconds."""
        return self.intensity.within

    def __len__(self) -> int:
        return len(self._restarted_at)

    def count(self, now: float) -> int:
        """Return how many of them count at ``now``."""
        return sum(at >= now - self.intensity.within for at in self._restarted_at)

    def ages(self, now: float) -> tuple[float, ...]:
        """Return how long ago each of those was that count at ``now``, in seconds; of the latest
        :data:`MOST_AGES`."""
        counted = [at for at in self._restarted_at if at >= now - self.intensity.within]
        return tuple(now - at for at in counted[-MOST_AGES:])

    def recall(self, ages: Iterable[float], now: float) -> None:
        """Know of restarts that were so many seconds ago, and of no others."""
        self._restarted_at = deque(sorted(now - age for age in ages))

    def add(self, now: float) -> bool:
        """Note a restart at ``now``; return whether it is bearable.

        A restart made exactly ``within`` seconds ago still counts.
        """
        limit = self.intensity.max_restarts
        if limit is None:
            return True  # and nothing is remembered: it could grow without bound
        while self._restarted_at and self._restarted_at[0] < now - self.intensity.within:
            self._restarted_at.popleft()
        if len(self._restarted_at) >= limit:
            return False
        self._restarted_at.append(now)
        return True
