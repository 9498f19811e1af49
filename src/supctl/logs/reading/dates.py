"""When the lines of a raw log came, to a second, as far as there are marks beside it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from supctl.logs.marks import INTERVAL, MARK, marks_of

Dated: TypeAlias = tuple[bytes, "float | None"]
"""A line, and when it came if that is known otherwise than by the line."""


class Dates:
    """Tells when a part of a file came.

    Args:
        path: of the file; ``None``: of none, so that nothing is known.
        end: its size, and when it was written last; ``None`` if that is not known.
    """

    def __init__(self, path: str | Path | None, end: tuple[int, float] | None = None) -> None:
        marks = array("q", b"" if path is None else _read(marks_of(str(path))))
        times, places = marks[::2], marks[1::2]
        for number in range(len(places) - 1, 0, -1):
            if places[number] < places[number - 1]:  # the file has been begun anew
                times, places = times[number:], places[number:]
                break
        if end is not None and places and end[0] > places[-1]:
            places.append(end[0])
            times.append(int(end[1] * 1e6))
        self._times, self._places = times, places

    def at(self, place: int) -> float | None:
        """Return when the byte at ``place`` came; ``None`` if that is not known."""
        number = bisect_right(self._places, place) - 1
        if number < 0:
            return None
        begun = self._times[number] / 1e6
        if number + 1 == len(self._places):
            return begun
        # What comes after a pause has a mark of its own, and all before came within an interval.
        passed = min(max(0.0, self._times[number + 1] / 1e6 - begun), INTERVAL)
        size = self._places[number + 1] - self._places[number]
        return begun + passed * (place - self._places[number]) / size

    def forwards(self, lines: Iterable[bytes], place: int = 0) -> Iterator[Dated]:
        """Yield lines of the file, from a place on, with their times."""
        for line in lines:
            yield line, self.at(place)
            place += len(line)

    def backwards(self, lines: Iterable[bytes], end: int) -> Iterator[Dated]:
        """Yield the lines before ``end``, which come last first, with their times."""
        for line in lines:
            end -= len(line)
            yield line, self.at(end)


def _read(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError:  # there are none, or they are not for us
        return b""
    return data[: len(data) - len(data) % MARK.size]


NO_DATES: Final = Dates(None)


def undated(lines: Iterable[bytes], at: float | None = None) -> Iterator[Dated]:
    """Yield lines with one time for all."""
    return ((line, at) for line in lines)
