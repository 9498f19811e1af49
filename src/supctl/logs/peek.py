"""Looking at what is in a pipe, and leaving it there (tee(2))."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import termios
from contextlib import suppress
from mmap import PAGESIZE
from typing import Final

LARGE_PIPE: Final = 256 * 1024
"""Bytes of a pipe whose app writes a lot; more would not fit the cache of a processor."""


class Peeker:
    """Looks into pipes. For one thread at a time."""

    def __init__(self) -> None:
        self._tee = ctypes.CDLL(None, use_errno=True).tee
        self._tee.argtypes = ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        enlarge(self._write)

    def can_peek(self, pipe: int) -> bool:
        """Whether ``pipe`` is one that can be looked into: others can only be read."""
        return capacity_of(pipe) > 0

    def peek(self, pipe: int, most: int) -> bytes:
        """Return up to ``most`` bytes of what is in ``pipe``; none at its end.

        Only for pipes that :meth:`can_peek` says so of.

        Raises:
            BlockingIOError: there is nothing now.
        """
        size = self._tee(pipe, self._write, most, os.SPLICE_F_NONBLOCK)
        if size < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return os.read(self._read, size) if size else b""

    def discard(self, pipe: int, size: int) -> None:
        """Take ``size`` bytes that are in ``pipe`` from it."""
        while size > 0:
            size -= os.splice(pipe, self._null, size)

    def close(self) -> None:
        """Look no more."""
        for fd in (self._read, self._write, self._null):
            os.close(fd)


def waiting_in(pipe: int) -> int:
    """Return how many bytes are in a pipe now."""
    waiting: int
    (waiting,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return waiting


def capacity_of(pipe: int) -> int:
    """Return how many bytes fit in a pipe; 0 if it is none."""
    try:
        return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    except OSError:
        return 0


def sure_room_of(pipe: int) -> int:
    """Return how many bytes fit in a pipe in any case.

    A write that does not fit in the rest of a page goes to the next, so that two pages may hold
    little more than one; the first may have been emptied but for its last byte.
    """
    return max(0, capacity_of(pipe) // PAGESIZE - 1) // 2 * PAGESIZE


def enlarge(pipe: int) -> None:
    """Let more bytes fit in a pipe, if we may."""
    with suppress(OSError):  # we have too many of them, or another system
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, LARGE_PIPE)
