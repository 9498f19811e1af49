"""Looking for a line in what a program prints, as it comes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .lines import LineSplitter


@dataclass(frozen=True, slots=True)
class Seek:
    """What somebody looks for in an output.

    Args:
        pattern: is searched in every line, without its end.
        found: called for the first that matches, in any thread; must not block.
    """

    pattern: re.Pattern[bytes]
    found: Callable[[], None]


@dataclass(slots=True)
class Seeker:
    """Looks through one pipe for what ``seek`` says."""

    seek: Seek
    _lines: LineSplitter = field(default_factory=LineSplitter)

    def feed(self, data: bytes) -> bool:
        """Take the next bytes, none at the end; return whether the line has been found."""
        lines = self._lines.feed(data) if data else self._lines.end()
        if not any(self.seek.pattern.search(line) for line in lines):
            return False
        self.seek.found()
        return True
