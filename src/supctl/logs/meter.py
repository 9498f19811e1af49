"""Figures about one stream and what it is written to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

_BUCKETS: Final = 32
"""Powers of two of microseconds; the last is more than half an hour."""

_SAMPLE: Final = 1024

_COUNTED: Final = 16 * 1024
"""Bytes of the largest read whose lines are counted one by one."""


class Latencies:
    """How long writes have taken, in powers of two of a microsecond. Bounded, and cheap to note."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS

    def note(self, nanoseconds: int) -> None:
        """Note one."""
        self._counts[min((nanoseconds // 1000).bit_length(), _BUCKETS - 1)] += 1

    def quantile(self, part: float) -> float | None:
        """Return seconds that ``part`` of all did not exceed; ``None`` if there were none.

        The upper bound of a bucket: at most twice the true one.
        """
        total = sum(self._counts)
        if not total:
            return None
        seen = accumulate(self._counts)
        bucket = next(number for number, count in enumerate(seen) if count >= part * total)
        return 2.0**bucket / 1e6


@dataclass(slots=True)
class Meter:
    """Counts what comes through one stream."""

    size: int = 0
    lines: int = 0
    dropped_bytes: int = 0
    dropped_lines: int = 0

    def came(self, data: bytes, size: int) -> None:
        """Count ``size`` bytes, of which ``data`` are the last.

        Lines of a flood are not counted one by one, which would take as long as all the rest:
        a part of much that came at once tells how many there may be.
        """
        self.size += size
        if size <= _COUNTED:
            self.lines += data.count(b"\n")
        else:
            self.lines += data.count(b"\n", 0, _SAMPLE) * size // _SAMPLE


@dataclass(frozen=True, slots=True)
class StreamReport:
    """All figures about a stream of an app, since it was first heard of.

    Args:
        stream: ``stdout`` or ``stderr``.
        path: the present file; empty if it has none.
        state: ``ok``; ``slow``: output waits, as writing takes time; ``failing``: the disk
            refuses it, and is asked again later.
        error: why it is failing.
        bytes, lines: that the app has written. The lines of a flood are an estimate.
        waiting_bytes: that are in memory now.
        dropped_bytes, dropped_lines: by ``when_full = "drop"``.
        lost_bytes: that nobody had room for when the log was closed.
        rotations: of the file.
        write_errors: attempts to write that failed.
        blocked: seconds in which the app's pipe was not emptied.
        latency_p50, latency_p99: seconds that a write takes; ``None`` before the first.
    """

    stream: str
    path: str
    state: str
    error: str
    bytes: int
    lines: int
    waiting_bytes: int
    dropped_bytes: int
    dropped_lines: int
    lost_bytes: int
    rotations: int
    write_errors: int
    blocked: float
    latency_p50: float | None
    latency_p99: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return {name: getattr(self, name) for name in self.__slots__}
