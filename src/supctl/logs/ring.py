"""The last lines of an app, in memory: the scene of its death."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

LINES: Final = 200
"""How many of the last lines are kept."""

_BYTES: Final = 32 * 1024
"""What they may take, unless one read brings more; long lines make it fewer."""

_PIECES: Final = 512
"""Beyond that, pieces of one stream that follow each other become one."""


@dataclass(frozen=True, slots=True)
class LastLine:
    """One of the last lines of an app.

    Args:
        stream: ``stdout`` or ``stderr``.
        at_wall: when it came, or what came with it; seconds since 1970.
        text: without its end.
    """

    stream: str
    at_wall: float
    text: bytes


class Ring:
    """Keeps the last bytes of both streams; they become lines when somebody asks.

    Written by one thread; any other may read.
    """

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: deque[tuple[str, float, bytes]] = deque()
        self._size = 0

    def add(self, stream: str, at_wall: float, data: bytes, *, follows: bool = True) -> None:
        """Add what has come. Of a flood that may be the end, which no more ``follows`` what is
        here."""
        if not follows or len(data) >= _BYTES:  # it is enough by itself
            kept = [it for it in self._pieces if it[0] != stream]
            self._pieces = deque(kept)
            self._size = sum(len(data) for _, _, data in kept)
        self._pieces.append((stream, at_wall, data))
        self._size += len(data)
        while self._size > _BYTES and len(self._pieces) > 1:
            self._size -= len(self._pieces.popleft()[2])
        if len(self._pieces) > _PIECES:
            self._unite()

    def _unite(self) -> None:
        united: list[tuple[str, float, list[bytes]]] = []
        for stream, at_wall, data in self._pieces:
            if united and united[-1][0] == stream:
                united[-1][2].append(data)
            else:
                united.append((stream, at_wall, [data]))
        kept = united[-_PIECES // 2 :]
        self._pieces = deque((stream, at, b"".join(parts)) for stream, at, parts in kept)
        self._size = sum(len(data) for _, _, data in self._pieces)

    def lines(self) -> list[LastLine]:
        """Return the last lines, the oldest first; the first of a stream may lack its begin."""
        lines: list[LastLine] = []
        begun: dict[str, tuple[float, bytes]] = {}
        for stream, at_wall, data in tuple(self._pieces):
            since, rest = begun.pop(stream, (at_wall, b""))
            *whole, rest = (rest + data).split(b"\n")
            lines += [LastLine(stream, since, line.removesuffix(b"\r")) for line in whole]
            if rest:
                begun[stream] = (at_wall if whole else since), rest
        lines += [LastLine(stream, at_wall, rest) for stream, (at_wall, rest) in begun.items()]
        return lines[-LINES:]
