"""The actor that is called. A module of its own, which the zygote can import beforehand."""

from __future__ import annotations

import time

import trio

from supctl import Actor


class Echo(Actor):
    """Answers at once, and counts what it is told."""

    async def init(self) -> None:
        self.count = 0
        self.cancelled_at = 0.0

    async def echo(self, payload: bytes) -> bytes:
        """Return what came."""
        return payload

    async def note(self, _payload: bytes) -> None:
        """Count what came."""
        self.count += 1

    async def told(self) -> int:
        """Return how many notes came."""
        return self.count

    async def wait_in_vain(self) -> None:
        """Do not return; remember when that was cancelled."""
        try:
            await trio.sleep_forever()
        finally:
            self.cancelled_at = time.monotonic()

    async def last_cancel(self) -> float:
        """Return when that was, by the clock of all processes of this machine."""
        return self.cancelled_at


def echo(value: int) -> int:
    """Return what came: the least that a member of a pool can do."""
    return value
