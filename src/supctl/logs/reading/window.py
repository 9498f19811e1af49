"""Which entries somebody wants to see."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .entry import Entry
from .place import BOTH


@dataclass(frozen=True, slots=True)
class Window:
    """Says which entries are wanted.

    Args:
        since, until: times in seconds since 1970; a line whose time is not known is wanted if
            its file may hold lines of that time.
        streams: ``stdout``, ``stderr``, or both; a line of which that is not known is wanted.
        pattern: is searched in every line's text.
        is_of: says of an address whether it is meant; ``None``: all are.
    """

    since: float | None = None
    until: float | None = None
    streams: tuple[str, ...] = BOTH
    pattern: re.Pattern[str] | None = None
    is_of: Callable[[str], bool] | None = None

    def wants(self, entry: Entry) -> bool:
        """Return whether ``entry`` is one of them."""
        at = entry.at_wall
        if at is not None:
            if self.since is not None and at < self.since:
                return False
            if self.until is not None and at > self.until:
                return False
        if entry.stream != "both" and entry.stream not in self.streams:
            return False
        if self.is_of is not None and not self.is_of(entry.address):
            return False
        return self.pattern is None or self.pattern.search(entry.shown) is not None

    def may_hold(self, begun: float | None, ended: float) -> bool:
        """Return whether a file written between these times may hold wanted lines; ``begun`` is
        ``None`` if that is not known."""
        if self.since is not None and ended < self.since:
            return False
        return self.until is None or begun is None or begun <= self.until
