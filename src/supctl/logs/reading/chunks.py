"""Bytes of files to lines with their ends: forwards as they come, and backwards from an end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

LONGEST: Final = 512 * 1024
"""Bytes of a line that are held; a longer one comes in parts, so that memory is bounded. What
line modes store fits."""

BLOCK: Final = 256 * 1024


class Cutter:
    """Cuts what is read forwards into lines. Together they are what was read, byte for byte."""

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""
        """The begin of a line that has not ended."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the lines that are whole, or parts of a very long one."""
        *lines, rest = (self.rest + data).split(b"\n")
        whole = [line + b"\n" for line in lines]
        if len(rest) >= LONGEST:
            whole.append(rest)
            rest = b""
        self.rest = rest
        return whole

    def end(self) -> list[bytes]:
        """Return the last line, if it had no end."""
        rest, self.rest = self.rest, b""
        return [rest] if rest else []


def lines_of(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield all lines of a file, from where ``read`` reads it."""
    cutter = Cutter()
    while data := read(BLOCK):
        yield from cutter.feed(data)
    yield from cutter.end()


def lines_back(fd: int, end: int, start: int = 0) -> Iterator[bytes]:
    """Yield the lines of a file from ``start``, where one begins, to ``end``, the last first."""
    rest = b""
    while end > start:
        size = min(BLOCK, end - start)
        end -= size
        first, *lines = (os.pread(fd, size, end) + rest).split(b"\n")
        if lines:
            last = lines.pop()
            if last:
                yield last
            yield from (line + b"\n" for line in reversed(lines))
            rest = first + b"\n"
        else:
            rest = first
        if len(rest) >= LONGEST:
            yield rest
            rest = b""
    if rest:
        yield rest
