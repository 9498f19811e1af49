"""A type checker knows what can be called through a reference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

PROGRAM = """
from __future__ import annotations
from collections.abc import AsyncIterator
from supctl import Actor, Ended, Ref

class Counter(Actor):
    def __init__(self, total: int = 0) -> None:
        self.total = total

    async def add(self, n: int) -> int:
        self.total += n
        return self.total

    async def ticks(self, n: int) -> AsyncIterator[int]:
        for tick in range(n):
            yield tick

class Plain(Actor):
    async def handle_info(self, message: object) -> None:
        if isinstance(message, Ended):
            print(message.reason)

async def use(counter: Ref[Counter]) -> int:
    total: int = await counter.add(5)
    async for tick in counter.ticks(3):
        total += tick
    await counter.call("add", 5, timeout=1.0)
    counter.cast("add", 5)
    counter.send("hello")
    async with counter.stream("ticks", 3) as items:
        async for item in items:
            print(item)
    async with counter.trace() as lines:
        async for line in lines:
            print(line.seconds)
    print(counter.address, counter.reason, await counter.describe(), await counter.wait())
    return total

def mine(counter: Counter) -> Ref[Counter]:
    Plain()
    return counter.ref
"""

MISTAKES = {
    'await counter.add("x")': 'has incompatible type "str"; expected "int"',
    "await counter.ad(1)": 'has no attribute "ad"',
    "text: str = await counter.add(1)": "Incompatible types in assignment",
    "async for tick in counter.add(1): print(tick)": "not async iterable",
    "await counter.ticks(1)": 'Incompatible types in "await"',
}


def check(folder: Path, text: str) -> list[str]:
    """Return what mypy finds."""
    pytest.importorskip("mypy")
    program = folder / "program.py"
    program.write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", program.name]
    environ = {**os.environ, "MYPYPATH": str(SOURCE), "MYPY_CACHE_DIR": str(folder / "cache")}
    found = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    assert not found.stderr
    return [line for line in found.stdout.splitlines() if ": error: " in line]


def test_mypy_knows_the_methods_of_a_reference(tmp_path: Path) -> None:
    wrong = "".join(
        f"async def wrong_{n}(counter: Ref[Counter]) -> None:\n    {line}\n"
        for n, line in enumerate(MISTAKES)
    )
    found = check(tmp_path, PROGRAM + wrong)
    assert len(found) == len(MISTAKES)
    for line, told in zip(found, MISTAKES.values(), strict=True):
        assert told in line
