"""The kernel tells when files are written, and when others come into their places (inotify(7))."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final, NamedTuple

_MODIFY: Final = 0x2
_CAME: Final = 0x100 | 0x80  # created, renamed to
_GONE: Final = 0x400 | 0x800  # deleted, renamed: of what is watched itself
_IGNORED: Final = 0x8000
_EVENT: Final = struct.Struct("iIII")
_READ_SIZE: Final = 64 * 1024


class Notice(NamedTuple):
    """That something has changed.

    Args:
        number: of the watch that tells.
        name: of what came into a directory; empty where a file was written.
    """

    number: int
    name: str


class Notices:
    """Tells of changes of files and directories.

    Attributes:
        fd: is readable when there is a notice; -1 where the kernel tells nothing (it is no
            Linux, or has no watches left): then look again after a while.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        try:
            self.fd: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        except AttributeError:
            self.fd = -1

    def watch_file(self, fd: int) -> int:
        """Be told when an open file is written; return the watch's number, -1 if it cannot be."""
        return self._add(f"/proc/self/fd/{fd}", _MODIFY)

    def watch_directory(self, path: str) -> int:
        """Be told what comes into a directory; return as :meth:`watch_file`.

        The same number as before, if it is watched already.
        """
        return self._add(path, _CAME | _GONE)

    def _add(self, path: str, changes: int) -> int:
        if self.fd < 0:
            return -1
        number: int = self._libc.inotify_add_watch(self.fd, os.fsencode(path), changes)
        if number < 0 and ctypes.get_errno() != 2:  # all but "there is none": we cannot be told
            self.close()
        return number

    def remove(self, number: int) -> None:
        """Be told no more."""
        self._libc.inotify_rm_watch(self.fd, number)  # fails if the file is gone by now

    def take(self) -> list[Notice] | None:
        """Return what has changed; ``None`` if that may be more than the kernel remembers.

        Never blocks.
        """
        try:
            data = os.read(self.fd, _READ_SIZE)
        except BlockingIOError:
            return []
        found: list[Notice] = []
        while data:
            number, mask, _, length = _EVENT.unpack_from(data)
            name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
            data = data[_EVENT.size + length :]
            if number < 0 or mask & _GONE:
                return None
            if not mask & _IGNORED:
                found.append(Notice(number, os.fsdecode(name)))
        return found

    def close(self) -> None:
        """Be told nothing any more."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
