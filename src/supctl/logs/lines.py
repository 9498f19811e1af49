"""Chunks of bytes to lines, whatever way they are cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

LONGEST: Final = 8192
"""Bytes of a line that are held; a longer one comes in pieces, so that memory is bounded."""


class LineSplitter:
    """Collects the bytes of one stream and gives back lines without their ends."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take ``data`` and yield the lines that are whole now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from _pieces(line.removesuffix(b"\r"))
        while len(self._rest) > LONGEST:
            piece, self._rest = self._rest[:LONGEST], self._rest[LONGEST:]
            yield piece

    def end(self) -> Iterator[bytes]:
        """Yield the last line, if it had no end."""
        rest, self._rest = self._rest, b""
        if rest:
            yield rest


def _pieces(line: bytes) -> Iterator[bytes]:
    yield line[:LONGEST]
    for start in range(LONGEST, len(line), LONGEST):
        yield line[start : start + LONGEST]
