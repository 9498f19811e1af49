"""The kernel tells when a file that we write to is renamed or deleted (inotify(7))."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Final

_ATTRIB, _DELETE_SELF, _MOVE_SELF = 0x4, 0x400, 0x800
_CHANGES: Final = _ATTRIB | _DELETE_SELF | _MOVE_SELF
"""A file that is unlinked while it is open tells only that its number of links has changed."""

_IGNORED: Final = 0x8000
_EVENT: Final = struct.Struct("iIII")
_READ_SIZE: Final = 64 * 1024


class FileWatch:
    """Tells of files that are not, or may not be, where they were opened.

    Where the kernel cannot tell (it is no Linux, or has no watches left) whoever asks is told
    so, and looks for himself.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._changed: dict[int, Callable[[], None]] = {}
        try:
            self.fd: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        except AttributeError:
            self.fd = -1

    def add(self, fd: int, changed: Callable[[], None]) -> int:
        """Watch an open file; return a number for :meth:`remove`, -1 if it cannot be watched.

        ``changed`` is called by :meth:`take`. A change before this call is not told.
        """
        if self.fd < 0:
            return -1
        # Not by its own path: that may be another file by now.
        path = f"/proc/self/fd/{fd}".encode()
        number: int = self._libc.inotify_add_watch(self.fd, path, _CHANGES)
        if number >= 0:
            self._changed[number] = changed
        return number

    def remove(self, number: int) -> None:
        """Watch it no more."""
        if self._changed.pop(number, None) is not None:
            self._libc.inotify_rm_watch(self.fd, number)  # fails if the file is gone by now

    def take(self) -> None:
        """Tell what has changed. Never blocks."""
        try:
            data = os.read(self.fd, _READ_SIZE)
        except BlockingIOError:
            return
        while data:
            number, mask, _, length = _EVENT.unpack_from(data)
            data = data[_EVENT.size + length :]
            if number < 0:  # more changes than the kernel remembers
                for changed in tuple(self._changed.values()):
                    changed()
            elif (one := self._changed.get(number)) is not None:
                one()
            if mask & _IGNORED:
                self._changed.pop(number, None)

    def close(self) -> None:
        """Watch nothing any more."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
