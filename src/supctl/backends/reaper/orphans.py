"""What is left of runs that another reaper has started: children of somebody else, of whose end no
signal tells us."""

from __future__ import annotations

import os
from collections.abc import Iterable


class Orphans:
    """Holds such processes, to hear when one ends."""

    def __init__(self) -> None:
        self._pidfds: dict[int, int] = {}

    def fds(self) -> list[int]:
        """Return descriptors that are readable when one has ended."""
        return list(self._pidfds.values())

    def holds(self, fd: int) -> bool:
        """Return whether a descriptor is one of :meth:`fds`."""
        return fd in self._pidfds.values()

    def watch(self, pids: Iterable[int]) -> bool:
        """Hold those that were seen just now, and no others; return whether all of them are held:
        else one has ended since then."""
        seen = set(pids)
        for pid in self._pidfds.keys() - seen:
            os.close(self._pidfds.pop(pid))
        for pid in seen - self._pidfds.keys():
            try:
                self._pidfds[pid] = os.pidfd_open(pid)
            except OSError:
                return False
        return True
