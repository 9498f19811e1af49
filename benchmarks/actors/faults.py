"""What is measured of an actor in a process when something is broken off: itself, or a call."""

from __future__ import annotations

import statistics
import time
from typing import Any

import trio

from supctl import Tree
from supctl import events as ev
from supctl.errors import ActorDied

from .stopwatch import PAYLOAD, Figures

_CALLS = 1000
_TIMES = 15

_SETTLING = 0.05
"""Seconds for what was asked to arrive over there."""


async def measure(tree: Tree, address: str) -> Figures:
    """Return the median seconds from a cancel until the method sees it; from SIGKILL in the midst
    of a thousand calls until the last of them has raised; and until the replacement answers."""
    cancels = [await _cancel(tree[address].ref) for _ in range(_TIMES)]
    deaths = [await _kill(tree, address) for _ in range(_TIMES)]
    raised, answered = zip(*deaths, strict=True)
    return {
        "cancel": statistics.median(cancels),
        "all raised": statistics.median(raised),
        "replaced": statistics.median(answered),
    }


async def _cancel(ref: Any) -> float:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ref.wait_in_vain)
        await trio.sleep(_SETTLING)
        cancelled_at = time.monotonic()
        nursery.cancel_scope.cancel()
    seen_at: float = await ref.last_cancel()
    return seen_at - cancelled_at


async def _kill(tree: Tree, address: str) -> tuple[float, float]:
    ref, deaths = tree[address].ref, 0

    async def ask() -> None:
        nonlocal deaths
        try:
            await ref.echo(PAYLOAD)
        except ActorDied:
            deaths += 1

    with tree.subscribe() as events:
        async with trio.open_nursery() as nursery:
            ref.cast("wait_in_vain")  # the calls wait behind it
            for _ in range(_CALLS):
                nursery.start_soon(ask)
            await trio.sleep(_SETTLING)
            killed_at = time.monotonic()
            tree[address].signal(9)
        raised_at = time.monotonic()
        assert deaths == _CALLS
        async for event in events:
            if isinstance(event, ev.ChildStarted) and event.address == f"/{address}":
                break
        assert await tree[address].ref.echo(PAYLOAD) == PAYLOAD
    return raised_at - killed_at, time.monotonic() - killed_at
