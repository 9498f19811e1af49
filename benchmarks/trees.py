"""Trees of many children in a simulated world, each measured in a process of its own.

``python -m benchmarks.trees KIND COUNT`` prints seconds of processor time and bytes as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import trio
import trio.testing

from supctl import Actor, App, DynamicSupervisor, Supervisor, Tree, Worker, open_tree
from supctl.backends.simulated import Program, SimulatedBackend

KINDS: Final = ("concurrent apps", "concurrent workers", "dynamic apps", "dynamic workers")

BARE: Final = "bare tasks"
"""The kind that the others are compared with."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What so many children take.

    Args:
        up, down: seconds of processor time until all run, and until all are gone.
        memory: bytes that the process has grown by (resident set) when all run; their specs
            are of it, and the simulated processes.
    """

    up: float
    down: float
    memory: int


def measure(kind: str, count: int) -> Figures:
    """Return the figures of a process that runs so many children and nothing else."""
    command = [sys.executable, "-m", "benchmarks.trees", kind, str(count)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Figures(**json.loads(told))


async def _take(kind: str, count: int) -> Figures:
    gc.collect()
    before = _resident()
    began_at = time.process_time()
    async with _running(kind, count) as stop:
        up = time.process_time() - began_at
        gc.collect()
        memory = _resident() - before
        began_at = time.process_time()
        stop()
    return Figures(up, time.process_time() - began_at, memory)


@asynccontextmanager
async def _running(kind: str, count: int) -> AsyncIterator[Callable[[], None]]:
    """Start children; give what stops them. All have stopped when the block has been left."""
    if kind == BARE:
        async with _bare_tasks(count) as stop:
            yield stop
        return
    start, child = kind.split()
    make = _app if child == "apps" else _worker
    if start == "dynamic":
        spec = Supervisor("bench", [DynamicSupervisor("many", make("template"))])
    else:
        children = [make(f"c{n}") for n in range(count)]
        spec = Supervisor("bench", children, start="concurrent")
    async with _open(spec) as tree:
        if start == "dynamic":
            many = tree.supervisor("many")
            for _ in range(count):
                await many.start_instance()
        yield tree.stop
        await tree.wait()


def _app(name: str) -> App:
    return App(name, ["forever"], env={})


def _worker(name: str) -> Worker:
    return Worker(name, Actor)


@asynccontextmanager
async def _open(spec: Supervisor) -> AsyncIterator[Tree]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        backend = SimulatedBackend({"forever": Program()})
        async with open_tree(spec, backend=backend, log_directory=folder) as tree:
            yield tree


@asynccontextmanager
async def _bare_tasks(count: int) -> AsyncIterator[Callable[[], None]]:
    """Run tasks that sleep until each is told to end, without any supervision."""
    ends = [trio.Event() for _ in range(count)]

    def stop() -> None:
        for end in ends:
            end.set()

    async with trio.open_nursery() as nursery:
        for end in ends:
            nursery.start_soon(end.wait)
        await trio.testing.wait_all_tasks_blocked()
        yield stop


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    print(json.dumps(asdict(trio.run(_take, sys.argv[1], int(sys.argv[2])))))
