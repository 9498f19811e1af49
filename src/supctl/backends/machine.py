"""The simulated machine: what goes wrong for all programs at once, as plain data."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

from supctl.errors import InvalidConfig
from supctl.specs.policy import check_seconds


@dataclass(frozen=True, slots=True)
class Shortage:
    """A time in which every spawn fails: memory, descriptors or a file system are missing.

    Args:
        since, until: seconds after the opening of the backend; ``until`` does not belong to it.
        errno, stage: of the failure, as in :class:`supctl.errors.SpawnFailed`.

    Raises:
        InvalidConfig: naming the field that is out of range.
    """

    since: float
    until: float
    errno: int = errno.EAGAIN
    stage: str = "system"

    def __post_init__(self) -> None:
        check_seconds("since", self.since)
        if not self.until > self.since:
            raise InvalidConfig("until", self.until, f"more than since ({self.since:g})")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a simulated machine has and when it fails.

    Args:
        process_limit: the process table is full with so many processes, descendants included;
            spawns fail then with EAGAIN at stage ``system``. ``None``: it is never full. A fork
            of a program that runs is not refused; it counts.
        shortages: times in which spawns fail; the first that holds says how.

    Raises:
        InvalidConfig: naming the field that is out of range.
    """

    process_limit: int | None = None
    shortages: tuple[Shortage, ...] = ()

    def __post_init__(self) -> None:
        if self.process_limit is not None and self.process_limit < 0:
            raise InvalidConfig("process_limit", self.process_limit, "0 or more")

    def refusal(self, age: float, processes: Callable[[], int]) -> tuple[int, str] | None:
        """Return error number and stage if a spawn fails now; ``None`` if it does not.

        Args:
            age: seconds since the opening of the backend.
            processes: returns how many there are; asked only if that matters.
        """
        for shortage in self.shortages:
            if shortage.since <= age < shortage.until:
                return shortage.errno, shortage.stage
        if self.process_limit is not None and processes() >= self.process_limit:
            return errno.EAGAIN, "system"
        return None


SOUND: Final = Machine()
"""A machine that lacks nothing."""


class WallClock:
    """A wall clock that somebody sets now and then: ``EventLog(wall_clock=WallClock(...))``.

    Only this clock jumps. The monotonic one, by which supervision decides, cannot be set.

    Args:
        epoch: what it shows when monotonic time is 0, in seconds since 1970.
        steps: ``(monotonic seconds, seconds it is put forward)``, back if negative.
        monotonic: the clock underneath; trio's by default.
    """

    def __init__(
        self,
        epoch: float = 0.0,
        steps: tuple[tuple[float, float], ...] = (),
        monotonic: Callable[[], float] = trio.current_time,
    ) -> None:
        self._epoch, self._steps, self._monotonic = epoch, steps, monotonic

    def __call__(self) -> float:
        """Return the seconds since 1970 that it shows now."""
        now = self._monotonic()
        return self._epoch + now + sum(step for at, step in self._steps if at <= now)
