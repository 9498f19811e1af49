"""Actors that the tests run in processes of their own."""

# ruff: noqa: ASYNC220, ASYNC240, ASYNC251 -- they are alone in their processes, and some are villains

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import trio

import supctl
from supctl import Actor, Worker
from supctl.actors.ref import Ref
from supctl.exits import ExitReason


def apart(name: str, actor: Any, *args: Any, **options: Any) -> Worker:
    """Return the spec of an actor with a process of its own."""
    return Worker(name, actor, *args, isolation="process", **options)


async def appears(path: Path) -> None:
    """Return when another process has written a file."""
    while not path.exists():  # noqa: ASYNC110 -- nothing announces it
        await trio.sleep(0.001)


class Counter(Actor):
    """Counts, and shows where it lives."""

    def __init__(self, start: int = 0) -> None:
        self.total = start

    async def add(self, n: int = 1) -> int:
        self.total += n
        return self.total

    async def pid(self) -> int:
        return os.getpid()

    async def add_to(self, other: Ref[Counter], n: int) -> int:
        return await other.add(n)

    async def me(self) -> Any:
        return self.ref

    async def echo(self, value: Any) -> Any:
        return value

    async def ticks(self, number: int) -> AsyncIterator[int]:
        for tick in range(number):
            yield tick

    async def endless(self, mark: str) -> AsyncIterator[int]:
        try:
            while True:
                yield 0
        finally:
            Path(mark).write_text("left")

    async def fail(self) -> None:
        raise LookupError("no such thing")

    async def fail_strangely(self) -> None:
        class Strange(Exception):
            pass

        raise Strange("nobody knows me")

    async def sleep(self, began: str, ended: str) -> None:
        Path(began).write_text("yes")
        try:
            await trio.sleep_forever()
        finally:
            Path(ended).write_text(repr(trio.current_time()))

    async def threads(self) -> int:
        return threading.active_count()

    async def enlist(self, name: str, group: str) -> None:
        await self.registry.register(name, self.ref)
        await self.registry.join(group, self.ref)

    async def ask_for(self, name: str) -> Any:
        return await self.registry.whereis(name)

    async def huge(self, size: int) -> bytes:
        return bytes(size)

    async def unsendable(self) -> object:
        return object()


class Ponderer(Actor):
    """Does short things, and others that keep all of its process waiting."""

    steps = 0

    async def step(self) -> int:
        self.steps += 1
        return self.steps

    async def ponder(self, until: str) -> None:
        while not Path(until).exists():
            time.sleep(0.001)

    async def fall(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Villain(Actor):
    """Ends its process in every way there is."""

    async def die(self, number: int = signal.SIGKILL) -> None:
        print("these are", file=sys.stderr)
        print("my last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), number)
        await trio.sleep_forever()

    async def quit(self) -> None:
        sys.exit(3)

    async def vanish(self) -> None:
        os._exit(0)

    async def close_everything(self) -> None:
        os.closerange(3, 100)

    async def scribble(self) -> None:
        for fd in range(3, 100):
            try:
                os.write(fd, b"\xff" * 64)
            except OSError:
                continue

    async def hold(self, seconds: float) -> None:
        time.sleep(seconds)

    async def fork_and_leave(self) -> int:
        return os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000")


class Cruncher(Actor):
    """Blocks, and knows nothing of trio."""

    def crunch(self, seconds: float) -> bool:
        time.sleep(seconds)
        return threading.current_thread() is threading.main_thread()

    async def hello(self) -> str:
        return "hello"

    def fail(self) -> None:
        raise LookupError("from a thread")


def crunch(path: str) -> None:
    """Block, then leave a mark."""
    time.sleep(0.1)
    Path(path).write_text("crunched")


class Deaf(Actor):
    """Does not end when it is asked to."""

    async def terminate(self, reason: ExitReason) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep_forever()

    async def hello(self) -> str:
        return "hello"


class Stillborn(Actor):
    async def init(self) -> None:
        print("not my day", file=sys.stderr, flush=True)
        os._exit(4)


class Slow(Actor):
    async def init(self) -> None:
        await trio.sleep(0.2)


class Failing(Actor):
    async def init(self) -> None:
        raise RuntimeError("no database")


class Unneeded(Actor):
    async def init(self) -> supctl.specs.ignore.Ignore:
        return supctl.IGNORE


class Reader(Actor):
    """Reads what it is lent, and lends."""

    def __init__(self) -> None:
        self.kept: Any = None
        self.seen: list[Any] = []

    async def ingest(self, lines: AsyncIterator[Any], most: int = sys.maxsize) -> list[Any]:
        taken: list[Any] = []
        async for line in lines:
            taken.append(line)
            if len(taken) == most:
                break
        return taken

    async def ingest_all(self, *, lines: AsyncIterator[Any]) -> list[Any]:
        return await self.ingest(lines)

    async def upper(self, lines: AsyncIterator[str]) -> AsyncIterator[str]:
        async for line in lines:
            yield line.upper()

    async def take_care(self, lines: AsyncIterator[Any]) -> str:
        try:
            return str(await self.ingest(lines))
        except ValueError as error:
            return f"caught: {error}"

    async def linger(self, lines: AsyncIterator[Any], began: str, ended: str) -> None:
        async for _ in lines:
            Path(began).write_text("yes")
            try:
                await trio.sleep_forever()
            finally:
                Path(ended).write_text("yes")

    async def keep(self, lines: AsyncIterator[Any]) -> None:
        self.kept = lines

    async def read_kept(self) -> Any:
        return await self.ingest(self.kept)

    async def die_of(self, lines: AsyncIterator[Any]) -> None:
        async for _ in lines:
            os.kill(os.getpid(), signal.SIGKILL)

    async def hand_on(self, other: Ref[Reader], lines: AsyncIterator[Any]) -> list[Any]:
        return await other.ingest(lines)

    async def lend_to(self, other: Ref[Reader], method: str, *args: Any) -> Any:
        return await other.call(method, self._lines(), *args)

    async def _lines(self) -> AsyncIterator[int]:
        self.seen = []
        try:
            for number in range(1000):
                yield number
        finally:
            self.seen.append("closed")

    async def closed(self) -> list[Any]:
        return self.seen


class Messenger(Actor):
    """Hands a message on from one to the next."""

    async def carry(self, route: list[Ref[Messenger]]) -> str:
        return await route[0].carry(route[1:]) if route else self.address

    async def carry_by_itself(self, route: list[Ref[Messenger]], mark: str) -> None:
        self.start_soon(self._carry_and_tell, route, mark)

    async def _carry_and_tell(self, route: list[Ref[Messenger]], mark: str) -> None:
        Path(mark).write_text(await self.carry(route))

    async def walk(self, route: list[Ref[Messenger]]) -> AsyncIterator[str]:
        if route:
            async for step in route[0].walk(route[1:]):
                yield step
        yield self.address

    async def collect(self, route: list[Ref[Messenger]]) -> list[str]:
        return [step async for step in route[0].walk(route[1:])]
