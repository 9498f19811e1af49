"""What is dropped because a log was full."""

from __future__ import annotations

from .meter import Meter


class Gap:
    """What is dropped of one pipe since its log was full. Whole lines, so that none is torn."""

    __slots__ = ("_in_line", "_meter", "lines", "size")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.lines = self.size = 0
        self._in_line = False

    def drop(self, data: bytes) -> None:
        """Drop ``data``."""
        lines = data.count(b"\n")
        self.lines += lines
        self.size += len(data)
        self._meter.dropped_lines += lines
        self._meter.dropped_bytes += len(data)
        self._in_line = not data.endswith(b"\n")

    def rest(self, data: bytes) -> bytes:
        """Return what is left of ``data`` behind the line that was dropped in part."""
        if self._in_line:
            end = data.find(b"\n") + 1 or len(data)
            self.drop(data[:end])
            return data[end:]
        return data
