"""Chunks: calls of one method with many items, one after the other, as one message."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

import trio

Outcome: TypeAlias = tuple[list[Any], Exception | None]
"""Results, as far as it went, and the error that ended it."""

_TURN: Final = 0.01
"""Seconds for which items are worked on without letting other tasks run: who watches this process
must hear that it lives, but to listen takes as long as a hundred small items."""


async def call_each(function: Callable[[Any], Awaitable[Any]], items: Sequence[Any]) -> Outcome:
    """Call an async function with each item."""
    results: list[Any] = []
    turn_ends_at = time.perf_counter() + _TURN
    try:
        for item in items:
            results.append(await function(item))
            if time.perf_counter() > turn_ends_at:
                await trio.lowlevel.checkpoint()
                turn_ends_at = time.perf_counter() + _TURN
    except Exception as error:
        return results, error
    return results, None
