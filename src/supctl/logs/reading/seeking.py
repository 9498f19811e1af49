"""Finding the place in a file where lines of a time begin, without reading all before it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from .chunks import BLOCK

_SLACK: Final = 1.0
"""Seconds by which lines may not be in order, and marks are not exact."""


def place_since(
    fd: int, end: int, since: float, time_of: Callable[[int, bytes], float | None]
) -> int:
    """Return the begin of a line; all lines before it are older than ``since``, as far as the
    lines of the file are in the order of their times.

    Args:
        end: of what is looked at.
        time_of: tells when the line that begins at a place came; ``None`` if that is not known.
    """
    low, high = 0, end
    while high - low > BLOCK:
        middle = (low + high) // 2
        place, line = _next_line(fd, middle)
        at = time_of(place, line) if line else None
        if at is None:
            break
        if at < since - _SLACK:
            low = place
        else:
            high = middle
    return low


def _next_line(fd: int, place: int) -> tuple[int, bytes]:
    """Return the first line that begins after ``place``, and where; none if it is too long."""
    data = os.pread(fd, BLOCK, place)
    begin = data.find(b"\n") + 1
    finish = data.find(b"\n", begin) + 1
    return (place + begin, data[begin:finish]) if begin and finish else (0, b"")
