"""tractor: functions in an actor's process, which is a trio program too."""

from __future__ import annotations

import time

import tractor
import trio

from .stopwatch import PAYLOAD, Figures, async_trips, rounds, tell

_TASKS = 100


async def echo(payload: bytes) -> bytes:
    return payload


async def _pipelined(portal: tractor.Portal, count: int) -> float:
    async def some() -> None:
        for _ in range(count // _TASKS):
            await portal.run(echo, payload=PAYLOAD)

    began_at = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(_TASKS):
            nursery.start_soon(some)
    return count / (time.perf_counter() - began_at)


async def _measure(count: int) -> Figures:
    async with tractor.open_nursery() as actors:
        began_at = time.perf_counter()
        portal = await actors.start_actor("echo", enable_modules=[__name__])
        await portal.run(echo, payload=PAYLOAD)
        start = time.perf_counter() - began_at
        figures = await async_trips(lambda: portal.run(echo, payload=PAYLOAD), count)
        figures["pipelined"] = await _pipelined(portal, count)
        await actors.cancel()
    return figures | {"start": start}


if __name__ == "__main__":
    tell(trio.run(_measure, rounds()))
