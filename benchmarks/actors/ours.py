"""supctl: an actor in a process of its own, and the same as a task."""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import trio

from supctl import Backoff, DynamicSupervisor, Pool, Supervisor, Tree, Worker, open_tree
from supctl.errors import ConnectionFull

from . import faults
from .echo import Echo, echo
from .stopwatch import (
    BULK,
    CHUNKS,
    ITEMS,
    MEMBERS,
    PAYLOAD,
    Figures,
    async_trips,
    rounds,
    tell,
)

_TASKS = 100
_CROWD = 100
_STARTS = 30


async def _measure(count: int) -> Figures:
    at_once = Backoff(initial=0)
    workers = [
        Worker("process", Echo, isolation="process"),
        Worker("victim", Echo, isolation="process", backoff=at_once),
        Worker("task", Echo),
    ]
    many = DynamicSupervisor("many", Worker("each", Echo, isolation="process"))
    pool = Pool("pool", echo, size=MEMBERS)
    spec = Supervisor("bench", [*workers, many, pool], max_restarts=None)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with open_tree(spec, log_directory=folder, preload=[Echo.__module__]) as tree:
            gc.collect()
            gc.freeze()  # what was imported is not what is measured
            figures = await _calls(tree["process"].ref, count)
            figures["task call"] = await _one_by_one(tree["task"].ref, count * 5)
            figures |= await faults.measure(tree, "victim")
            figures |= await _maps(tree)
            figures["start"] = await _start(tree, _STARTS)
            return figures | await _crowd(tree, _CROWD)


async def _calls(ref: Any, count: int) -> Figures:
    figures = await async_trips(lambda: ref.echo(PAYLOAD), count)
    figures["pipelined"] = await _pipelined(ref, count * 5)
    figures["casts"] = await _casts(ref, count * 10)
    figures["bulk"] = await _bulk(ref, 200)
    return figures


async def _pipelined(ref: Any, count: int) -> float:
    """Return calls a second from a hundred tasks."""

    async def some() -> None:
        for _ in range(count // _TASKS):
            await ref.echo(PAYLOAD)

    began_at = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(_TASKS):
            nursery.start_soon(some)
    return count / (time.perf_counter() - began_at)


async def _casts(ref: Any, count: int) -> float:
    """Return casts a second, until the last has been handled."""
    before = await ref.told()
    began_at = time.perf_counter()
    for _ in range(count):
        try:
            ref.cast("note", PAYLOAD)
        except ConnectionFull:
            await ref.told()
            ref.cast("note", PAYLOAD)
    assert await ref.told() == before + count
    return count / (time.perf_counter() - began_at)


async def _bulk(ref: Any, count: int) -> float:
    """Return bytes a second, one way, in calls of 1 MiB from a few tasks."""
    tasks = 4

    async def some() -> None:
        for _ in range(count // tasks):
            await ref.note(BULK)

    began_at = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(some)
    return count * len(BULK) / (time.perf_counter() - began_at)


async def _one_by_one(ref: Any, count: int) -> float:
    """Return the seconds that a call takes."""
    for _ in range(count // 10):
        await ref.echo(PAYLOAD)
    began_at = time.perf_counter()
    for _ in range(count):
        await ref.echo(PAYLOAD)
    return (time.perf_counter() - began_at) / count


async def _maps(tree: Tree) -> Figures:
    """Return the seconds of a map of tiny calls, by chunk."""
    figures = {}
    for chunk in (*CHUNKS[:1], *CHUNKS):  # the first is to warm up
        began_at = time.perf_counter()
        assert await tree.pool("pool").map(echo, ITEMS, chunk=chunk) == [*ITEMS]
        figures[f"map by {chunk}"] = time.perf_counter() - began_at
    return figures


async def _start(tree: Tree, count: int) -> float:
    """Return the median seconds from the wish for an actor to its first reply."""
    many = tree.supervisor("many")
    seconds = []
    for _ in range(count):
        began_at = time.perf_counter()
        await _start_one(tree)
        seconds.append(time.perf_counter() - began_at)
        for row in await many.which_children():
            await many.terminate_child(row.name)
    return statistics.median(seconds)


async def _start_one(tree: Tree) -> None:
    handle = await tree.supervisor("many").start_instance()
    assert handle is not None
    assert await handle.ref.echo(PAYLOAD) == PAYLOAD


async def _crowd(tree: Tree, count: int) -> Figures:
    """Return what it takes to start so many at once, and the bytes of each."""
    before = _memory(_others())
    began_at = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(_start_one, tree)
    seconds = time.perf_counter() - began_at
    gc.collect()
    return {"crowd": seconds, "memory": (_memory(_others()) - before) / count}


def _others() -> Iterable[int]:
    """Return the processes below this one."""
    return [child.pid for child in psutil.Process(os.getpid()).children(recursive=True)]


def _memory(pids: Iterable[int]) -> int:
    """Return the bytes of processes, shared ones in proportion (PSS)."""
    total = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # one of the reserve has just gone
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


if __name__ == "__main__":
    tell(trio.run(_measure, rounds()))
