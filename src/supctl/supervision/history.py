"""What is remembered of a child's restarts over the end of the process that supervises it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class History:
    """The restarts of one child. Times are ages, as no clock lasts longer than its process.

    Args:
        restarts: automatic ones, as people see them.
        streak: those since the last stable run; the next back-off follows from it.
        delay: the last back-off, in seconds.
        recent: seconds since each of those that count against its ``max_restarts``.
        wait: seconds that are left of a back-off; ``None``: it does not wait for one.
    """

    restarts: int = 0
    streak: int = 0
    delay: float = 0.0
    recent: tuple[float, ...] = ()
    wait: float | None = None

    def aged(self, seconds: float) -> History:
        """Return what it is so many seconds later."""
        wait = None if self.wait is None else max(0.0, self.wait - seconds)
        return replace(self, recent=tuple(age + seconds for age in self.recent), wait=wait)


NOTHING: Final = History()
"""That of a child which has never been restarted."""
