"""The actor that is called. A module of its own, which the zygote can import beforehand."""

from __future__ import annotations

from supctl import Actor


class Echo(Actor):
    """Answers at once, and counts what it is told."""

    async def init(self) -> None:
        self.count = 0

    async def echo(self, payload: bytes) -> bytes:
        """Return what came."""
        return payload

    async def note(self, _payload: bytes) -> None:
        """Count what came."""
        self.count += 1

    async def told(self) -> int:
        """Return how many notes came."""
        return self.count
