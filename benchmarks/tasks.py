"""The figures of actors that are tasks: what a call, a cast and an item of a stream cost.

The floor is what one would write without actors: a task that takes requests from a memory channel
and sets an event for each, after it has put the answer where who asks finds it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

import trio
import trio.testing
from rich.console import Console

from supctl import Actor, Worker
from supctl.actors.worker import WorkerActor

from .rows import Row, table

_CALLERS: Final = 100
_GOAL: Final = 15e-6
"""Seconds that a call may cost."""

Costs = dict[str, float]
"""Seconds of processor time, by what is done."""


def run(console: Console, *, quick: bool) -> None:
    """Measure and print the table."""
    count, rounds = (2_000, 3) if quick else (20_000, 9)
    bare, ours = trio.run(_bare, count, rounds), trio.run(_ours, count, rounds)
    console.print(
        table(
            "actors that are tasks: processor time, the best of several rounds", _rows(bare, ours)
        )
    )


def _rows(bare: Costs, ours: Costs) -> Iterator[Row]:
    for what, seconds in ours.items():
        has_goal = what == f"call, {_CALLERS} callers"
        floor = bare.get(what)
        yield Row(
            what,
            f"{seconds * 1e6:.1f} µs",
            "-" if floor is None else f"channel and event {floor * 1e6:.1f}",
            None if floor is None else seconds / floor,
            f"< {_GOAL * 1e6:.0f} µs" if has_goal else "-",
            seconds < _GOAL if has_goal else None,
        )


class Adder(Actor):
    """Adds, and counts."""

    def __init__(self) -> None:
        self.total = 0

    async def add(self, n: int) -> int:
        self.total += n
        return self.total

    async def numbers(self, count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number


async def _ours(count: int, rounds: int) -> Costs:
    runner = WorkerActor(Worker("adder", Adder), "/adder", lambda _: None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        await trio.testing.wait_all_tasks_blocked()
        ref = runner.ref

        async def call() -> None:
            await ref.call("add", 1)

        async def cast(times: int) -> None:
            for _ in range(times):
                ref.cast("add", 1)
            await ref.call("add", 1)

        async def read(times: int) -> None:
            async for _ in ref.stream("numbers", times):
                pass

        costs = await _calls(call, count, rounds)
        costs["cast"] = await _best(cast, count, rounds)
        costs["item of a stream"] = await _best(read, count, rounds)
        runner.stop()
    return costs


async def _bare(count: int, rounds: int) -> Costs:
    send, receive = trio.open_memory_channel[Any](_CALLERS)

    async def serve() -> None:
        total = 0
        async for n, done, answer in receive:
            total += n
            answer.append(total)
            done.set()

    async def call() -> None:
        done, answer = trio.Event(), list[int]()
        send.send_nowait((1, done, answer))
        await done.wait()
        answer.pop()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        costs = await _calls(call, count, rounds)
        nursery.cancel_scope.cancel()
    return costs


async def _calls(call: Callable[[], Awaitable[None]], count: int, rounds: int) -> Costs:
    async def one_caller(times: int) -> None:
        for _ in range(times):
            await call()

    async def many_callers(times: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(_CALLERS):
                nursery.start_soon(one_caller, times // _CALLERS)

    return {
        "call, one caller": await _best(one_caller, count, rounds),
        f"call, {_CALLERS} callers": await _best(many_callers, count, rounds),
    }


async def _best(work: Callable[[int], Awaitable[None]], count: int, rounds: int) -> float:
    """Return the seconds that one of ``count`` takes, in the best round."""
    seconds = []
    for _ in range(rounds):
        began_at = time.process_time()
        await work(count)
        seconds.append((time.process_time() - began_at) / count)
    return min(seconds)
