"""One stream of an app over all its lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supctl.specs import Log

from .meter import Meter, StreamReport
from .outlet import Outlet
from .ring import Ring

if TYPE_CHECKING:
    from .source import Source


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

    def came(self, data: bytes, size: int, now: float) -> None:
        """Count ``size`` bytes, of which ``data`` are the last, and keep the end in memory."""
        self.meter.came(data, size)
        ring = self._rings.get(self.address)
        if ring is None:
            ring = self._rings[self.address] = Ring()
        ring.add(self.name, now, data, follows=len(data) == size)

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
