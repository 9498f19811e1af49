"""The kernel tells when a file that we write to is renamed or deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from supctl.backends.inotify import GONE, OVER, TOUCHED, Inotify

_CHANGES: Final = TOUCHED | GONE
"""A file that is unlinked while it is open tells only that its number of links has changed."""


class FileWatch:
    """Tells of files that are not, or may not be, where they were opened.

    Where the kernel cannot tell (it is no Linux, or has no watches left) whoever asks is told
    so, and looks for himself.
    """

    def __init__(self) -> None:
        self._changed: dict[int, Callable[[], None]] = {}
        try:
            self._inotify = Inotify()
        except OSError:
            self._inotify = Inotify.closed()

    @property
    def fd(self) -> int:
        """Is readable when something has changed; -1 where nothing is told."""
        return self._inotify.fd

    def add(self, fd: int, changed: Callable[[], None]) -> int:
        """Watch an open file; return a number for :meth:`remove`, -1 if it cannot be watched.

        ``changed`` is called by :meth:`take`. A change before this call is not told.
        """
        try:
            # Not by its own path: that may be another file by now.
            number = self._inotify.add(f"/proc/self/fd/{fd}", _CHANGES)
        except OSError:
            return -1
        self._changed[number] = changed
        return number

    def remove(self, number: int) -> None:
        """Watch it no more."""
        if self._changed.pop(number, None) is not None:
            self._inotify.remove(number)

    def take(self) -> None:
        """Tell what has changed. Never blocks."""
        for notice in self._inotify.take():
            if notice.number < 0:
                for changed in tuple(self._changed.values()):
                    changed()
            elif (one := self._changed.get(notice.number)) is not None:
                one()
            if notice.changes & OVER:
                self._changed.pop(notice.number, None)

    def close(self) -> None:
        """Watch nothing any more."""
        self._inotify.close()
