"""Reading back: the last lines of a file that others write to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from .lines import LONGEST

_BLOCK: Final = 64 * 1024


def tail(path: Path, count: int) -> list[bytes]:
    """Return the last lines of a file, without their ends; none if there is no such file.

    Reads from the end, and no more than ``count`` lines of common length need: lines of more than
    8 KiB make it fewer, or the first of them a part of one.

    Raises:
        OSError: it cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        return tail_of(fd, os.fstat(fd).st_size, count)
    finally:
        os.close(fd)


def tail_of(fd: int, end: int, count: int) -> list[bytes]:
    """Return the last lines before ``end`` of a file that is open; as :func:`tail`."""
    return _lines(_read_back(fd, end, count), count)


def _read_back(fd: int, end: int, count: int) -> bytes:
    """Return bytes before ``end`` that hold ``count`` whole lines, if they are not too long."""
    held, start = b"", end
    first = max(0, end - max(_BLOCK, count * LONGEST))
    while start > first and held.count(b"\n") <= count:  # one more ends the line before them
        size = min(_BLOCK, start - first)
        start -= size
        held = os.pread(fd, size, start) + held
    return held


def _lines(held: bytes, count: int) -> list[bytes]:
    lines = held.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    return [line.removesuffix(b"\r") for line in lines[len(lines) - min(count, len(lines)) :]]
