"""What answers to probes say about the health of a program. Nothing here waits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from supctl.backends.answers import Answer


class HealthState(StrEnum):
    """How a program that runs is, as far as is known."""

    UNKNOWN = "unknown"
    """It has not been asked yet."""
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    """It has answered that it is not well, or nobody was there to answer."""
    UNRESPONSIVE = "unresponsive"
    """It has not answered at all: it hangs, or was stopped from outside."""


@dataclass(slots=True)
class Liveness:
    """The health of one run, and how often it has failed.

    Args:
        retries: failures in a row that are too many.

    Attributes:
        state: by the last answer.
        failures: how many in a row.
        said: the last answer, in words.
    """

    retries: int
    state: HealthState = HealthState.UNKNOWN
    failures: int = 0
    said: str = ""

    def take(self, answer: Answer) -> None:
        """Learn from an answer."""
        self.said = answer.said
        if answer.ok:
            self.state, self.failures = HealthState.HEALTHY, 0
            return
        self.state = HealthState.UNRESPONSIVE if answer.silent else HealthState.UNHEALTHY
        self.failures += 1

    @property
    def is_over(self) -> bool:
        """Whether it has failed too often."""
        return self.failures >= self.retries

    @property
    def verdict(self) -> str:
        """Why that is too often, in words."""
        times = "" if self.failures == 1 else f", {self.failures} times in a row"
        return f"{self.said}{times}"
