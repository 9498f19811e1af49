"""Leaving a backend: whatever was started is gone when it returns."""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from supctl.backends.base import Exited, Gone, Process

if TYPE_CHECKING:
    from tests.contracts.conftest import Notices, World

MakeNotices = Callable[[], "Notices"]


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def close(process: Process) -> None:
    for fd in process.take_output():
        if fd is not None:
            os.close(fd)


async def test_leaving_kills_and_awaits_everything(world: World, notices: MakeNotices) -> None:
    heard = [notices() for _ in range(3)]
    async with world.open_another() as backend:
        deaf = await backend.spawn(world.deaf_to(signals.SIGTERM), heard[0])
        await world.line(deaf)
        family = world.with_child(escapes=True, deaf=True, stays=True)
        await world.line(await backend.spawn(family, heard[1]))
        left = world.with_child(escapes=True, deaf=True, stays=False)
        await world.line(await backend.spawn(left, heard[2]))
    assert world.living() == set()
    for one in heard:
        assert one.kinds[0] is Exited
        assert one.kinds[-1] is Gone
    assert (await deaf.wait()).signal == signals.SIGKILL
    await deaf.wait_gone()


async def test_leaving_because_of_an_error_hands_on_that_error(world: World) -> None:
    async def spawn_and_fail() -> None:
        async with world.open_another() as backend:
            await backend.spawn(world.runs_forever())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await spawn_and_fail()
    assert world.living() == set()


async def test_leaving_while_cancelled_kills_and_awaits_everything(
    world: World, notices: MakeNotices
) -> None:
    heard = notices()
    before = open_descriptors()
    with trio.CancelScope() as scope:
        async with world.open_another() as backend:
            process = await backend.spawn(world.deaf_to(signals.SIGTERM), heard)
            await world.line(process)
            close(process)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert heard.kinds == [Exited, Gone]
    assert world.living() == set()
    assert open_descriptors() == before


async def test_leaving_closes_output_that_nobody_took(world: World) -> None:
    before = open_descriptors()
    async with world.open_another() as backend:
        await (await backend.spawn(world.prints(b"x"))).wait_gone()
        await world.line(await backend.spawn(world.runs_forever()))
    assert open_descriptors() == before


async def test_leaving_an_unused_backend_returns(world: World) -> None:
    async with world.open_another() as backend:
        assert backend.capabilities.system


async def test_a_signal_after_leaving_does_nothing(world: World) -> None:
    async with world.open_another() as backend:
        process = await backend.spawn(world.runs_forever())
    process.signal(signals.SIGTERM)
    process.kill()
    assert (await process.wait()).signal == signals.SIGKILL
