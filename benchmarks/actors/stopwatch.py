"""How every contestant measures. Standard library only: it runs where others are installed."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

PAYLOAD = b"x" * 100
BULK = b"x" * 2**20

MEMBERS = 2
"""Processes of a pool."""
ITEMS = range(10_000)
"""What is mapped."""
CHUNKS = (10, 100)
"""Items that are sent as one message."""

Figures = dict[str, float]
"""Seconds, calls a second or bytes, by name."""


def rounds() -> int:
    """Return how many round trips are to be made, as the command line says."""
    return int(sys.argv[1])


def trips(ask: Callable[[], object], count: int) -> Figures:
    """Return median and 99th percentile of round trips, in seconds."""
    return _summary([_seconds(ask) for _ in range(count + count // 10)], count)


async def async_trips(ask: Callable[[], Awaitable[object]], count: int) -> Figures:
    """Return the same of a function that is awaited."""
    seconds = []
    for _ in range(count + count // 10):
        began_at = time.perf_counter()
        await ask()
        seconds.append(time.perf_counter() - began_at)
    return _summary(seconds, count)


def _seconds(work: Callable[[], object]) -> float:
    began_at = time.perf_counter()
    work()
    return time.perf_counter() - began_at


def _summary(seconds: Sequence[float], count: int) -> Figures:
    warm = sorted(seconds[-count:])
    return {"median": statistics.median(warm), "p99": warm[len(warm) * 99 // 100]}


def tell(figures: Figures) -> None:
    """Print what was measured, for who has started us."""
    print(json.dumps(figures), flush=True)
