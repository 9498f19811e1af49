"""The kernel tells what changes in files and directories (inotify(7))."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final, NamedTuple, Self

MODIFIED: Final = 0x2
"""A file is written."""
TOUCHED: Final = 0x4
"""A file has another owner, mode, number of links, or times."""
WRITTEN: Final = 0x8
"""A file that was open for writing has been closed."""
CAME: Final = 0x100 | 0x80
"""An entry was created, or renamed to."""
WENT: Final = 0x200 | 0x40
"""An entry was deleted, or renamed from."""
GONE: Final = 0x400 | 0x800
"""What is watched has been deleted or renamed itself."""
OVER: Final = 0x8000
"""Nothing more is told of it: that was asked for, or it is gone."""

_EVENT: Final = struct.Struct("iIII")
_READ_SIZE: Final = 64 * 1024


class Notice(NamedTuple):
    """That something has changed.

    Args:
        number: of the watch that tells; below 0: there was more than the kernel remembers.
        changes: what has happened, as bits.
        name: of the entry of a directory; empty if it is about what is watched itself.
    """

    number: int
    changes: int
    name: str


class Inotify:
    """Watches files and directories.

    Attributes:
        fd: is readable when there is a notice; -1 when it is closed.

    Raises:
        OSError: there is no such thing here, or no more of them for this user.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        try:
            self.fd: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        except AttributeError:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
        if self.fd < 0:
            raise _last_error()

    @classmethod
    def closed(cls) -> Self:
        """Return one that watches nothing and can watch nothing."""
        made = cls.__new__(cls)
        made._libc, made.fd = ctypes.CDLL(None, use_errno=True), -1
        return made

    def add(self, path: str, changes: int) -> int:
        """Be told of such changes; return the watch's number: one for a file, whatever its paths.

        Raises:
            OSError: it is not there, may not be read, or nothing more can be watched.
        """
        number: int = self._libc.inotify_add_watch(self.fd, os.fsencode(path), changes)
        if number < 0:
            raise _last_error()
        return number

    def remove(self, number: int) -> None:
        """Be told no more. Nothing happens if there is no such watch."""
        self._libc.inotify_rm_watch(self.fd, number)

    def take(self) -> list[Notice]:
        """Return what has changed. Never blocks."""
        try:
            data = os.read(self.fd, _READ_SIZE)
        except BlockingIOError:
            return []
        found: list[Notice] = []
        while data:
            number, changes, _, length = _EVENT.unpack_from(data)
            name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
            data = data[_EVENT.size + length :]
            found.append(Notice(number, changes, os.fsdecode(name)))
        return found

    def close(self) -> None:
        """Be told nothing any more."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
