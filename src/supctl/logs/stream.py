"""One stream of an app over all its lives, and the pipes of those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from supctl.specs import Log
from supctl.specs.log import WhenFull

from .format import Writer
from .meter import Meter, StreamReport
from .outlet import Outlet
from .ring import Ring
from .seek import Seeker

LAST_WORDS: Final = 4096
"""Bytes at the end of a life's output that are kept for who asks."""

LastWords: TypeAlias = Callable[[bytes], None]

_HELD: Final = 4 * 2**20
"""Bytes more than may wait, that earlier lives may have left behind. What is beyond is dropped:
an app that crashes again and again while its log is stuck must not fill the memory."""


class Stream:
    """One app's stdout or stderr, over all its lives.

    Attributes:
        sources: pipes, oldest first; more than one if a stranger still holds that of an
            earlier life.
    """

    __slots__ = ("_rings", "address", "log", "meter", "name", "outlet", "path", "sources")

    def __init__(
        self,
        address: str,
        name: str,
        log: Log,
        outlet: Outlet,
        path: str,
        rings: dict[str, Ring],
    ) -> None:
        self.address, self.name, self._rings = address, name, rings
        self.log, self.outlet, self.path = log, outlet, path
        self.sources: tuple[Source, ...] = ()
        self.meter = Meter()

    def came(self, data: bytes, now: float) -> None:
        """Count what was read, and keep the end of it in memory."""
        self.meter.came(data)
        ring = self._rings.get(self.address)
        if ring is None:
            ring = self._rings[self.address] = Ring()
        ring.add(self.name, now, data)

    def report(self, now: float) -> StreamReport:
        """Return all figures; ``now`` is on the monotonic clock."""
        outlet, meter = self.outlet, self.meter
        since = outlet.paused_at
        latencies = outlet.latencies
        return StreamReport(
            stream=self.name,
            path=self.path,
            state=str(outlet.state),
            error=outlet.error,
            bytes=meter.size,
            lines=meter.lines,
            waiting_bytes=outlet.waiting,
            dropped_bytes=meter.dropped_bytes,
            dropped_lines=meter.dropped_lines,
            lost_bytes=outlet.lost,
            rotations=outlet.sink.rotations,
            write_errors=outlet.write_errors,
            blocked=outlet.blocked + (0.0 if since is None else now - since),
            latency_p50=None if latencies is None else latencies.quantile(0.5),
            latency_p99=None if latencies is None else latencies.quantile(0.99),
        )


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


class Source:
    """One pipe: the output of one life.

    Args:
        fd: its read end.
        writer: gives its bytes the form in which they are stored.
        on_end: is told its last words.
        seeker: looks for a line in it.
    """

    __slots__ = (
        *("_ends_line", "_gap", "_words", "fd", "is_large", "on_end", "outlet", "seeker"),
        *("stream", "writer"),
    )

    def __init__(
        self,
        stream: Stream,
        fd: int,
        writer: Writer,
        on_end: LastWords | None,
        seeker: Seeker | None,
    ) -> None:
        self.stream, self.outlet, self.fd = stream, stream.outlet, fd
        self.writer, self.on_end, self.seeker = writer, on_end, seeker
        self.is_large = False
        self._words: bytearray | None = None
        self._gap: Gap | None = None
        self._ends_line = True

    def take(self, data: bytes, now: float) -> bytes:
        """Take what was read at ``now``, seconds since 1970; return what is to be stored."""
        if self.seeker is not None and self.seeker.feed(data):
            self.seeker = None
        if self.on_end is not None:
            self._keep(data)
        if self.outlet.is_slow or self._gap is not None:
            return self._take_slowly(data, now)
        self._ends_line = data[-1] == 10
        return self.writer.feed(data, now)

    def end(self, now: float) -> bytes:
        """Tell who waits for the end; return what is to be stored at last."""
        if self.seeker is not None:
            self.seeker.feed(b"")
        if self.on_end is not None:
            self.on_end(bytes(self._words or b""))
        return self._close_gap(now) + self.writer.end(now)

    def _keep(self, data: bytes) -> None:
        if self._words is None:
            self._words = bytearray()
        self._words += data[-LAST_WORDS:]
        del self._words[:-LAST_WORDS]

    def _take_slowly(self, data: bytes, now: float) -> bytes:
        if self._must_drop():
            return self._drop(data, now)
        told = b""
        if self._gap is not None:
            data = self._gap.rest(data)
            told = self._close_gap(now) if data else b""
        if data:
            self._ends_line = data[-1] == 10
            told += self.writer.feed(data, now)
        return told

    def _must_drop(self) -> bool:
        outlet = self.outlet
        if self.stream.log.when_full is WhenFull.DROP:
            return outlet.is_full
        return outlet.waiting > outlet.capacity + _HELD

    def _drop(self, data: bytes, now: float) -> bytes:
        """Drop ``data``, but for the end of a line whose begin is stored."""
        kept = 0
        if self._gap is None:
            self._gap = Gap(self.stream.meter)
            if not self._ends_line:
                kept = data.find(b"\n") + 1
        self._ends_line = self._ends_line or kept > 0
        self._gap.drop(data[kept:])
        return self.writer.feed(data[:kept], now) if kept else b""

    def _close_gap(self, now: float) -> bytes:
        if self._gap is None or not self._gap.size:
            self._gap = None
            return b""
        gap, self._gap = self._gap, None
        note = self.writer.note(gap.lines, gap.size, now)
        return note if self._ends_line else b"\n" + note
