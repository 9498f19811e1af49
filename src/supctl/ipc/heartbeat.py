"""Telling a peer that is busy or idle from one that hangs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio

from supctl.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How a silent peer is asked for a sign of life, and when it counts as hung.

    Args:
        interval: seconds of silence after which it is asked; at most twice that with little luck.
        limit: seconds of silence after that.

    Raises:
        InvalidConfig: one is not more than 0.
    """

    interval: float = 5.0
    limit: float = 15.0

    def __post_init__(self) -> None:
        for name in ("interval", "limit"):
            if not getattr(self, name) > 0:
                raise InvalidConfig(f"heartbeat.{name}", getattr(self, name), "more than 0 seconds")

    async def watch(self, heard: Callable[[], int], ping: Callable[[int], None]) -> None:
        """Return when the peer counts as hung.

        Args:
            heard: returns a count that has grown whenever anything came from the peer.
            ping: asks for a sign of life; the number is for people who look at the wire.
        """
        pings = 0
        while True:
            before = heard()
            await trio.sleep(self.interval)
            if heard() != before:
                continue
            pings += 1
            ping(pings)
            # In two halves: if it was us who stood still (a laptop asleep, a debugger), the
            # second half is time to read what came meanwhile.
            for _ in range(2):
                await trio.sleep(self.limit / 2)
                if heard() != before:
                    break
            else:
                return
