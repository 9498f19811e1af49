"""A bell: wakes all who wait for a change, each time it rings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

T = TypeVar("T")


class Bell:
    """Wakes up whoever waits. Its methods are for the trio thread."""

    def __init__(self) -> None:
        self._rung = trio.Event()

    def ring(self) -> None:
        """Wake up all who wait now."""
        self._rung.set()
        self._rung = trio.Event()

    async def until(self, check: Callable[[], T | None]) -> T:
        """Return what ``check`` returns, once that is not ``None``; it is asked at each ring.

        Cancelling is harmless.
        """
        while (found := check()) is None:
            await self._rung.wait()
        return found
