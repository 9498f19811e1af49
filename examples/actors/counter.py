"""A counter that lives where one word says: a task of this program, or a process of its own.

    python examples/actors/counter.py

test_counter.py beside it passes for both.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import trio

import supctl
from supctl import Actor, Ref, Supervisor, Worker


class Counter(Actor):
    """Counts, and can say what it has counted."""

    async def init(self) -> None:
        self.total = 0

    async def add(self, n: int) -> int:
        if n < 0:
            raise ValueError("it only counts up")
        self.total += n
        return self.total

    async def countdown(self) -> AsyncIterator[int]:
        for n in range(self.total, 0, -1):
            yield n

    async def pid(self) -> int:
        return os.getpid()


def tree_of(isolation: str) -> Supervisor:
    return Supervisor("counting", [Worker("counter", Counter, isolation=isolation)])


async def main() -> None:
    print(f"this is process {os.getpid()}")
    for isolation in ("task", "process"):
        async with supctl.open_tree(tree_of(isolation)) as tree:
            counter: Ref[Counter] = tree["counter"].ref
            print(f"\nisolation={isolation!r}: it lives in process {await counter.pid()}")
            print("  2 and 3 are", await counter.add(2) and await counter.add(3))
            print("  down:", *[n async for n in counter.countdown()])
            try:
                await counter.add(-1)
            except ValueError as error:
                print(f"  ValueError: {error}; and it lives on, at {await counter.add(0)}")


if __name__ == "__main__":
    trio.run(main)
