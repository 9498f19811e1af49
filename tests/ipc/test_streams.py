"""Streams run on credit: the producer is never ahead by more than the window."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trio

from supctl.errors import CannotEncode, ConnectionLost, ProtocolError
from supctl.ipc.waiting import Items, Result
from tests.ipc.ends import Methods, Source, connected

Over = Callable[[], tuple[Any, Any]]


async def thing() -> AsyncIterator[object]:
    yield object()


@pytest.fixture
def methods(source: Source) -> Methods:
    return Methods(numbers=source.numbers, fails=source.fails, silent=source.silent, thing=thing)


@pytest.mark.parametrize("window", [1, 2, 3, 64])
async def test_all_items_arrive_in_order(over: Over, methods: Methods, window: int) -> None:
    async with (
        connected(methods, over) as (client, _),
        client.stream("t", "numbers", [500], window=window) as items,
    ):
        assert [item async for item in items] == list(range(500))
        with pytest.raises(StopAsyncIteration):
            await anext(items)


async def test_the_producer_waits_for_its_reader(methods: Methods, source: Source) -> None:
    async with connected(methods) as (client, _):
        async with client.stream("t", "numbers", [500], window=8) as items:
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert source.made == 8
            for _ in range(4):
                await anext(items)
            await trio.testing.wait_all_tasks_blocked(0.02)
            assert source.made == 12
        await source.closed.wait()


async def test_a_stream_that_is_left_ends_its_producer_first(
    over: Over, methods: Methods, source: Source
) -> None:
    async with connected(methods, over) as (client, server):
        async with client.stream("t", "numbers", [10**9]) as items:
            assert await anext(items) == 0
        assert source.closed.is_set()
        source.closed = trio.Event()
        with trio.move_on_after(0.02):
            async with client.stream("t", "silent") as items:
                await anext(items)
        assert source.closed.is_set()
        assert not server._answering._requests
        assert not client._waiting


async def test_an_error_comes_after_the_items_before_it(over: Over, methods: Methods) -> None:
    async with connected(methods, over) as (client, _):
        async with client.stream("t", "fails") as items:
            assert await anext(items) == 1
            with pytest.raises(ValueError, match="the pen broke"):
                await anext(items)
        async with client.stream("t", "unknown") as items:
            with pytest.raises(KeyError):
                await anext(items)
        async with client.stream("t", "thing") as items:
            with pytest.raises(CannotEncode, match="the item, of type object"):
                await anext(items)


async def test_two_streams_and_calls_share_a_connection(methods: Methods) -> None:
    methods.methods["echo"] = lambda value: value
    async with (
        connected(methods) as (client, _),
        client.stream("t", "numbers", [100]) as one,
        client.stream("t", "numbers", [100]) as two,
    ):
        for number in range(100):
            assert await anext(one) == await anext(two) == number
            assert await client.call("t", "echo", [number]) == number


async def test_the_end_of_the_connection_ends_the_stream(methods: Methods, source: Source) -> None:
    async with connected(methods) as (client, server):
        async with client.stream("t", "silent") as items:
            await trio.testing.wait_all_tasks_blocked()
            await server.aclose("enough")
            with pytest.raises(ConnectionLost, match="enough"):
                await anext(items)
        assert source.closed.is_set()


def test_answers_that_do_not_fit_the_question_are_refused() -> None:
    items = Items(2, lambda _: None)
    items.add(1)
    items.add(2)
    with pytest.raises(ProtocolError, match="without credit"):
        items.add(3)
    with pytest.raises(ProtocolError, match="a result for a stream"):
        items.settle(1)
    assert not items.is_over
    with pytest.raises(ProtocolError, match="an item for a call"):
        Result().add(1)
    with pytest.raises(ProtocolError, match="the end of a stream for a call"):
        Result().end()


async def test_cancelling_the_reader_loses_no_item(methods: Methods) -> None:
    seen: list[int] = []
    async with (
        connected(methods) as (client, _),
        client.stream("t", "numbers", [50], window=2) as items,
    ):
        while len(seen) < 50:
            with trio.CancelScope() as scope:
                scope.cancel()
                seen.append(await anext(items))
            seen.append(await anext(items))
    assert seen == list(range(50))
