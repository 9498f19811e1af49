"""Streams: made no faster than they are read, beside the messages, and left in peace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import trio

from supctl import Actor, Ref
from supctl.actors.stream import WINDOW
from supctl.errors import ActorGone

if TYPE_CHECKING:
    from tests.actors.conftest import Stage


class Source(Actor):
    def __init__(self) -> None:
        self.made = 0
        self.left: list[str] = []

    async def count(self, n: int | None = None) -> AsyncIterator[int]:
        try:
            while n is None or self.made < n:
                self.made += 1
                yield self.made
        finally:
            self.left.append("count")

    async def slow(self) -> AsyncIterator[int]:
        yield 1
        await trio.sleep_forever()

    async def fail(self) -> AsyncIterator[int]:
        yield 1
        raise ValueError("no more")

    async def how_far(self) -> tuple[int, list[str]]:
        return self.made, self.left

    async def hang(self) -> None:
        await trio.sleep_forever()


async def test_a_stream_is_read_in_every_way(stage: Stage) -> None:
    ref: Ref[Source] = await stage.start(Source)
    assert [item async for item in ref.count(3)] == [1, 2, 3]
    assert [item async for item in ref.stream("count", 5)] == [4, 5]
    async with ref.stream("count", n=200) as items:
        assert [item async for item in items] == list(range(6, 201))


async def test_it_is_made_no_faster_than_it_is_read(stage: Stage) -> None:
    ref = await stage.start(Source)
    async with ref.stream("count") as items:
        await trio.testing.wait_all_tasks_blocked()
        assert await ref.how_far() == (WINDOW, [])
        for _ in range(WINDOW // 2):
            await anext(items)
        await trio.testing.wait_all_tasks_blocked()
        assert await ref.how_far() == (WINDOW + WINDOW // 2, [])


async def test_leaving_the_block_ends_it_at_once(stage: Stage) -> None:
    ref = await stage.start(Source)
    async with ref.stream("count") as items:
        await anext(items)
    assert (await ref.how_far())[1] == ["count"]


async def test_breaking_off_ends_it(stage: Stage) -> None:
    ref = await stage.start(Source)
    async for item in ref.count():
        if item == 3:
            break
    await trio.testing.wait_all_tasks_blocked()
    assert (await ref.how_far())[1] == ["count"]


async def test_cancelling_the_reader_ends_it(stage: Stage) -> None:
    ref = await stage.start(Source)
    with trio.CancelScope() as scope:
        async for _ in ref.count():
            scope.cancel()
    await trio.testing.wait_all_tasks_blocked()
    assert (await ref.how_far())[1] == ["count"]


async def test_one_that_is_left_before_its_turn_is_never_begun(stage: Stage) -> None:
    ref = await stage.start(Source)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ref.call, "hang")
        await trio.testing.wait_all_tasks_blocked()
        async with ref.stream("count"):
            pass
        nursery.cancel_scope.cancel()
    assert await ref.how_far() == (0, [])


@pytest.mark.parametrize("steps", range(5))
async def test_it_can_be_left_at_any_moment(stage: Stage, steps: int) -> None:
    ref = await stage.start(Source)
    async with ref.stream("count"):
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
    made, left = await ref.how_far()
    assert made in (0, WINDOW) or left == ["count"]
    await trio.testing.wait_all_tasks_blocked()
    assert await ref.how_far() == (made, left)
    assert len(left) == (made > 0)


async def test_its_error_goes_to_the_reader_and_ends_nothing(stage: Stage) -> None:
    ref = await stage.start(Source)
    items = aiter(ref.fail())
    assert await anext(items) == 1
    with pytest.raises(ValueError, match="no more"):
        await anext(items)
    assert await ref.how_far() == (0, [])


async def test_it_ends_with_the_actor(stage: Stage) -> None:
    ref = await stage.start(Source)
    async with ref.stream("slow") as items:
        assert await anext(items) == 1
        stage.runners["source"].stop()
        with pytest.raises(ActorGone, match="/source is gone: it ended before the stream did"):
            await anext(items)
    with pytest.raises(ActorGone, match="shutdown"):
        await anext(aiter(ref.count()))


async def test_messages_are_handled_while_one_is_read(stage: Stage) -> None:
    ref = await stage.start(Source)
    async with ref.stream("slow") as items:
        assert await anext(items) == 1
        assert await ref.how_far() == (0, [])
