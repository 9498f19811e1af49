"""When the bytes of a log came whose lines do not tell it: marks in a file beside it.

A mark is 16 bytes: a time (microseconds since 1970) and the place in the log from where on bytes
came then. There is one for every second in which something came.
"""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

INTERVAL: Final = 1.0
"""Seconds between two marks, at least."""

MARK: Final = struct.Struct("=qq")


def marks_of(path: str) -> str:
    """Return where the marks of a log file are; it may be rotated, and compressed since."""
    directory, slash, name = path.rpartition("/")
    return f"{directory}{slash}.{name.removesuffix('.gz').removesuffix('.zst')}.times"


class Marker:
    """Sets the marks of one log. What cannot be written is left out: it is no output that is lost.

    Args:
        path: of the log's present file.
    """

    __slots__ = ("_due_at_wall", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._due_at_wall = 0.0

    def begin(self, *, is_new: bool) -> None:
        """Set a mark for what comes next, however soon that is.

        ``is_new``: whether the log is empty. Marks that are there are those of another file, if
        who renamed that was killed before he could rename them too.
        """
        self._due_at_wall = 0.0
        if is_new:
            with suppress(OSError):
                Path(marks_of(self._path)).unlink()

    def note(self, fd: int, size: int) -> None:
        """Note that the last ``size`` bytes of the open log have just come."""
        now = time.time()
        if 0.0 <= self._due_at_wall - now <= INTERVAL:  # else the clock was set
            return
        self._due_at_wall = now + INTERVAL
        with suppress(OSError):
            mark = MARK.pack(int(now * 1e6), os.fstat(fd).st_size - size)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            file = os.open(marks_of(self._path), flags, 0o640)
            try:
                os.write(file, mark)
            finally:
                os.close(file)

    def rotated(self, path: str) -> None:
        """Let the marks follow the log, which has been renamed to ``path``."""
        with suppress(OSError):
            Path(marks_of(self._path)).rename(marks_of(path))
