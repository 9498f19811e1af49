"""Chunks of bytes to lines, whatever way they are cut."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 8192
"""Bytes of a line that are held; a longer one comes in pieces, so that memory is bounded."""


class LineSplitter:
    """Collects the bytes of one stream and gives back lines without their ends.

    What comes out depends on the bytes alone, not on how they were cut into chunks.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take ``data`` and return the lines, or pieces of long ones, that are whole now."""
        *lines, rest = (self._rest + data).split(b"\n")
        whole = [piece for line in lines for piece in _pieces(line.removesuffix(b"\r"))]
        begun = rest.removesuffix(b"\r")  # half a line end, perhaps: not to be cut from its line
        *pieces, held = _pieces(begun)
        self._rest = held + rest[len(begun) :]
        return whole + pieces

    def skip(self, data: bytes) -> int:
        """Take ``data`` and forget the lines that it completes; return how many they are."""
        self._rest = (self._rest + data).rpartition(b"\n")[2][-LONGEST:]
        return data.count(b"\n")

    def end(self) -> list[bytes]:
        """Return the last line, if it had no end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


def _pieces(line: bytes) -> list[bytes]:
    """Return ``line`` in pieces of ``LONGEST`` bytes at the most; the last may be empty."""
    pieces = []
    while len(line) > LONGEST:
        end = _border(line)
        pieces.append(line[:end])
        line = line[end:]
    return [*pieces, line]


def _border(line: bytes) -> int:
    """Return where to cut ``line``: not inside a character, if it is UTF-8."""
    for end in range(LONGEST, LONGEST - 4, -1):
        if line[end] & 0xC0 != 0x80:  # begins a character
            return end
    return LONGEST
