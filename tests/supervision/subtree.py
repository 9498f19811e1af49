"""What the tests run in subtrees with processes of their own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import trio

import supctl
from supctl import Actor, App, Ref, Worker
from supctl.specs import ChildSpec
from supctl.specs.ignore import Ignore


class Clerk(Actor):
    """Says where it is, and breaks when it is told to."""

    def __init__(self, total: int = 0) -> None:
        self.total = total

    async def add(self, n: int) -> int:
        self.total += n
        return self.total

    async def add_to(self, other: Ref[Clerk], n: int) -> int:
        return await other.add(n)

    async def pid(self) -> int:
        return os.getpid()

    async def count(self, number: int) -> AsyncIterator[int]:
        for n in range(number):
            yield n

    async def crash(self) -> None:
        raise RuntimeError("as told")

    async def end_process(self) -> None:
        print("the last words of all", file=sys.stderr, flush=True)
        os._exit(7)

    async def block(self) -> None:
        time.sleep(60)  # noqa: ASYNC251 -- the loop is to hang

    async def enlist(self, name: str) -> None:
        await self.registry.register(name, self.ref)

    async def find(self, name: str) -> Any:
        return await self.registry.whereis(name)


async def finish() -> None:
    """End at once, and well."""


async def wait_for_ever() -> None:
    """Stay."""
    await trio.sleep_forever()


def made() -> list[ChildSpec]:
    """Make children at the start of their supervisor."""
    return [Worker("made", Clerk, 40), App("too", ["sleep", "1000"])]


def not_needed() -> Ignore:
    """Find that nothing is needed."""
    return supctl.IGNORE


def not_possible() -> list[ChildSpec]:
    """Fail."""
    raise RuntimeError("no children today")


def double(n: int) -> int:
    """Work for a pool."""
    return 2 * n


def leave_mark(path: str) -> None:
    """Work for a pool that can be seen."""
    Path(path).touch()
