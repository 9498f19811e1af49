"""Chunks: calls of one method with many items, one after the other, as one message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

import trio

Outcome: TypeAlias = tuple[list[Any], Exception | None]
"""Results, as far as it went, and the error that ended it."""

_TURNS: Final = 16
"""Items that are worked on without letting other tasks run, if they come that fast."""


async def call_each(function: Callable[[Any], Awaitable[Any]], items: Sequence[Any]) -> Outcome:
    """Call an async function with each item."""
    results: list[Any] = []
    try:
        for number, item in enumerate(items, 1):
            results.append(await function(item))
            if not number % _TURNS:  # whoever watches this process must hear that it lives
                await trio.lowlevel.checkpoint()
    except Exception as error:
        return results, error
    return results, None
