"""What the pools of the tests call, in processes of their own."""

# ruff: noqa: ASYNC240 -- they are alone in their processes

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import trio

from supctl import Actor, idempotent


def square(n: int) -> int:
    return n * n


async def square_later(n: int) -> int:
    await trio.lowlevel.checkpoint()
    return n * n


def power(base: int, n: int) -> int:
    return int(base**n)


def refuse_three(n: int) -> int:
    if n == 3:
        raise ValueError("three it is not")
    return n


def block(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@idempotent
def survive_once(folder: str) -> int:
    """Kill the process that calls this first, and let the second one live."""
    try:
        Path(folder, "met").touch(exist_ok=False)
    except FileExistsError:
        return os.getpid()
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


class Desk(Actor):
    """Works, dies, hangs and counts."""

    async def init(self) -> None:
        self.seen = 0

    @idempotent
    async def pid(self) -> int:
        return os.getpid()

    async def square(self, n: int) -> int:
        self.seen += 1
        return n * n

    @idempotent
    async def square_again(self, n: int) -> int:
        return n * n

    async def hold(self, folder: str, name: str = "held") -> int:
        """Say by a file that work has begun, and wait until another file says that it may end;
        a third file says that it was cancelled."""
        Path(folder, f"{name}-{os.getpid()}").touch()
        try:
            while not Path(folder, "leave").exists():  # noqa: ASYNC110 -- nothing announces it
                await trio.sleep(0.001)
        except trio.Cancelled:
            Path(folder, f"cancelled-{os.getpid()}").touch()
            raise
        return os.getpid()

    async def hold_item(self, item: tuple[str, int]) -> int:
        folder, n = item
        await self.hold(folder, f"item{n}")
        return n

    @idempotent
    async def hold_again(self, folder: str) -> int:
        return await self.hold(folder)

    async def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @idempotent
    async def die_again(self, folder: str) -> None:
        Path(folder, f"died-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    async def finish_now(self) -> None:
        self.finish()
        await trio.sleep_forever()


class Press(Actor):
    """Its methods are plain ones."""

    def square(self, n: int) -> int:
        return n * n

    def hang(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
