"""The kernel tells when files are written, and when others come into their places."""

from __future__ import annotations

from typing import NamedTuple

from supctl.backends.inotify import CAME, GONE, MODIFIED, OVER, Inotify


class Notice(NamedTuple):
    """That something has changed.

    Args:
        number: of the watch that tells.
        name: of what came into a directory; empty where a file was written.
    """

    number: int
    name: str


class Notices:
    """Tells of changes of files and directories."""

    def __init__(self) -> None:
        try:
            self._inotify = Inotify()
        except OSError:
            self._inotify = Inotify.closed()

    @property
    def fd(self) -> int:
        """Is readable when there is a notice; -1 where the kernel tells nothing (it is no Linux,
        or has no watches left): then look again after a while."""
        return self._inotify.fd

    def watch_file(self, fd: int) -> int:
        """Be told when an open file is written; return the watch's number, -1 if it cannot be."""
        return self._add(f"/proc/self/fd/{fd}", MODIFIED)

    def watch_directory(self, path: str) -> int:
        """Be told what comes into a directory; return as :meth:`watch_file`.

        The same number as before, if it is watched already.
        """
        return self._add(path, CAME | GONE)

    def _add(self, path: str, changes: int) -> int:
        try:
            return self._inotify.add(path, changes)
        except FileNotFoundError:
            return -1
        except OSError:  # we cannot be told
            self.close()
            return -1

    def remove(self, number: int) -> None:
        """Be told no more."""
        self._inotify.remove(number)

    def take(self) -> list[Notice] | None:
        """Return what has changed; ``None`` if that may be more than the kernel remembers.

        Never blocks.
        """
        found = self._inotify.take()
        if any(it.number < 0 or it.changes & GONE for it in found):
            return None
        return [Notice(it.number, it.name) for it in found if not it.changes & OVER]

    def close(self) -> None:
        """Be told nothing any more."""
        self._inotify.close()
