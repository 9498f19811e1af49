"""What probes bring home, and who answers them for a program that is only simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from supctl.specs.probe import Probe


@dataclass(frozen=True, slots=True)
class Answer:
    """What one try of a probe has brought.

    Args:
        ok: whether it shows what it is meant to show.
        said: in words (``"connection refused on 127.0.0.1:5432"``, ``"status 503"``).
        silent: whether nothing was said at all: it hangs.
    """

    ok: bool
    said: str
    silent: bool = False


class StandIn(Protocol):
    """Answers for a program that has no ports. What it says follows from its script alone."""

    def answer(self, probe: Probe) -> Answer:
        """Return what a probe brings now."""
        ...

    def steady_until(self, probe: Probe) -> float:
        """Return the instant before which the answer stays what it is; infinity: for ever."""
        ...
