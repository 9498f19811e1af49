"""Async iterables as arguments: lent for the length of the call, read on credit, closed after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

import pytest
import trio
from msgpack import ExtType, packb, unpackb

from supctl.errors import ActorTimeout, CannotDecode, CannotEncode, ConnectionLost, LoanOver
from supctl.ipc import Codec, Connection, Hello, open_connection
from supctl.ipc import messages as m
from supctl.ipc.caller import WINDOW
from supctl.ipc.codec import Damaged
from supctl.ipc.extensions import Lent
from supctl.ipc.framing import FrameReader, frame
from tests.ipc.ends import Methods, Source, connected

Over = Callable[[], tuple[Any, Any]]


class Own:
    """Its own iterator, as a channel is: its owner closes it."""

    def __init__(self) -> None:
        self.is_closed = False

    def __aiter__(self) -> Own:
        return self

    async def __anext__(self) -> int:
        return 7

    async def aclose(self) -> None:
        self.is_closed = True


async def read(items: Any, most: int = 10**9) -> list[Any]:
    """Return the first items."""
    taken: list[Any] = []
    async for item in items:
        taken.append(item)
        if len(taken) == most:
            break
    return taken


async def doubled(items: Any) -> AsyncIterator[int]:
    """Yield twice what comes."""
    async for item in items:
        yield 2 * item


@pytest.fixture
def methods() -> Methods:
    return Methods(read=read, doubled=doubled, echo=lambda value: value)


async def nothing_is_left(*ends: Connection) -> None:
    """Return once neither side holds anything of a call that is over."""
    for end in ends:
        while end._waiting or end._answering._requests or end._loans._loans:
            await trio.lowlevel.checkpoint()


async def test_all_items_arrive_in_order(over: Over, methods: Methods, source: Source) -> None:
    async with connected(methods, over) as (client, server):
        assert await client.call("t", "read", [source.numbers(500)]) == list(range(500))
        assert source.closed.is_set()
        await nothing_is_left(client, server)


async def test_several_at_once_by_position_and_by_name(methods: Methods) -> None:
    async def both(a: Any, b: Any) -> list[Any]:
        return [
            pair for first in [await read(a)] for pair in zip(first, await read(b), strict=True)
        ]

    methods.call = lambda request: request.serve(  # type: ignore[method-assign]
        both, *request.args, request.kwargs["b"]
    )
    async with connected(methods) as (client, _):
        told = await client.call("t", "both", [Source().numbers(3)], {"b": Source().numbers(3)})
        assert told == [(0, 0), (1, 1), (2, 2)]


async def test_either_side_lends(over: Over, methods: Methods, source: Source) -> None:
    one, other = over()
    options: dict[str, Any] = {"service": methods, "greeting": None}
    async with (
        open_connection(one, hello=Hello("one"), **options) as left,
        open_connection(other, hello=Hello("other"), **options) as right,
    ):
        assert await left.call("t", "read", [source.numbers(3)]) == [0, 1, 2]
        assert await right.call("t", "read", [source.numbers(2)]) == [0, 1]


async def test_a_stream_reads_what_it_is_lent(methods: Methods, source: Source) -> None:
    async with connected(methods) as (client, server):
        async with client.stream("t", "doubled", [source.numbers(300)]) as items:
            assert [item async for item in items] == [2 * number for number in range(300)]
        async with client.stream("t", "doubled", [source.silent()]):
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert source.closed.is_set()
        await nothing_is_left(client, server)


async def test_it_is_made_no_faster_than_it_is_read(methods: Methods, source: Source) -> None:
    read_on = trio.Event()

    async def slowly(items: Any) -> int:
        await anext(items)
        await read_on.wait()
        for _ in range(WINDOW // 2):
            await anext(items)
        await trio.testing.wait_all_tasks_blocked(0.02)
        return source.made

    methods.methods["slowly"] = slowly
    async with connected(methods) as (client, _), trio.open_nursery() as nursery:
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert source.made == 0

        async def ask() -> None:
            assert await client.call("t", "slowly", [source.numbers(10**9)]) == WINDOW + WINDOW // 2

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert source.made == WINDOW
        read_on.set()
    assert source.closed.is_set()


async def test_what_it_raises_is_raised_where_it_is_read(methods: Methods, source: Source) -> None:
    seen: list[Any] = []
    note = seen.append

    async def watch(items: Any) -> None:
        try:
            async for item in items:
                note(item)
        except ValueError as error:
            note(str(error))

    methods.methods["watch"] = watch
    async with connected(methods) as (client, server):
        await client.call("t", "watch", [source.fails()])
        assert seen == [1, "the pen broke"]
        with pytest.raises(ValueError, match="the pen broke"):
            await client.call("t", "read", [source.fails()])
        await nothing_is_left(client, server)


async def test_an_item_that_cannot_be_sent_is_an_error_where_it_is_read(methods: Methods) -> None:
    async def things() -> AsyncIterator[object]:
        yield object()

    async with connected(methods) as (client, _):
        with pytest.raises(CannotEncode, match="the item, of type object"):
            await client.call("t", "read", [things()])


async def test_what_is_not_read_to_the_end_is_closed(methods: Methods, source: Source) -> None:
    async with connected(methods) as (client, server):
        assert await client.call("t", "read", [source.numbers(10**9), 3]) == [0, 1, 2]
        assert source.closed.is_set()
        await nothing_is_left(client, server)


async def test_the_reader_may_have_enough_before_it_returns(
    methods: Methods, source: Source
) -> None:
    async def enough(items: Any) -> list[Any]:
        taken = [await anext(items)]
        await items.aclose()
        assert source.closed.is_set()
        return taken + [item async for item in items]

    methods.methods["enough"] = enough
    async with connected(methods) as (client, _):
        assert await client.call("t", "enough", [source.numbers(10**9)]) == [0]


async def test_it_can_be_read_only_while_the_call_lasts(methods: Methods, source: Source) -> None:
    kept: list[Any] = []

    async def keep(items: Any, many: int) -> None:
        kept.append(items)
        for _ in range(many):
            await anext(items)

    methods.methods["keep"] = keep
    async with connected(methods) as (client, server):
        for many in (0, 1):
            await client.call("t", "keep", [source.numbers(10**9), many])
            with pytest.raises(LoanOver):
                await read(kept.pop())
        await nothing_is_left(client, server)


async def test_it_can_be_read_only_once(methods: Methods, source: Source) -> None:
    async def twice(items: Any) -> list[Any]:
        await anext(items)
        _, again = items._caller.begin_stream(items._loan, "$items")
        return await read(again)

    methods.methods["twice"] = twice
    async with connected(methods) as (client, _):
        with pytest.raises(LoanOver, match="once"):
            await client.call("t", "twice", [source.numbers(3)])
        ended = source.numbers(1)
        await client.call("t", "read", [ended])
        with pytest.raises(LoanOver):
            await client.call("t", "read", [ended])


@pytest.mark.parametrize("is_silent", [True, False])
async def test_cancelling_the_call_closes_it(
    methods: Methods, source: Source, is_silent: bool
) -> None:
    lent = source.silent() if is_silent else source.numbers(10**9)
    async with connected(methods) as (client, server):
        with trio.move_on_after(0.05):
            await client.call("t", "read", [lent])
        assert source.closed.is_set()
        await nothing_is_left(client, server)


async def test_a_deadline_closes_it(methods: Methods, source: Source) -> None:
    async with connected(methods) as (client, server):
        with pytest.raises(ActorTimeout, match=r"within 0\.05 s"):
            await client.call("t", "read", [source.silent()], timeout=0.05)
        assert source.closed.is_set()
        await nothing_is_left(client, server)


@pytest.mark.parametrize("ender", [0, 1])
async def test_the_end_of_the_connection_closes_it(
    methods: Methods, source: Source, ender: int
) -> None:
    async with connected(methods) as ends, trio.open_nursery() as nursery:

        async def ask() -> None:
            with pytest.raises(ConnectionLost):
                await ends[0].call("t", "read", [source.silent()])

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked(0.02)
        await ends[ender].aclose("enough")
    assert source.closed.is_set()


async def test_what_belongs_to_somebody_else_is_left_open(methods: Methods) -> None:
    own = Own()
    async with connected(methods) as (client, _):
        assert await client.call("t", "read", [own, 2]) == [7, 7]
    assert not own.is_closed


async def test_what_makes_its_iterator_may_be_lent_again(methods: Methods) -> None:
    class Twice:
        def __init__(self) -> None:
            self.source = Source()

        def __aiter__(self) -> AsyncIterator[int]:
            return self.source.numbers(10)

    twice = Twice()
    async with connected(methods) as (client, _):
        assert await client.call("t", "read", [twice, 2]) == [0, 1]
        assert await client.call("t", "read", [twice, 3]) == [0, 1, 2]
    assert twice.source.closed.is_set()


async def test_what_cannot_be_lent_is_said_at_once(methods: Methods, source: Source) -> None:
    async with connected(methods) as (client, server):
        with pytest.raises(CannotEncode, match=r"args\[0\]\[1\], .*is lent for the length"):
            await client.call("t", "echo", [[1, source.numbers(1)]])
        with pytest.raises(CannotEncode, match=r'kwargs\["a"\], .*is lent for the length'):
            client.cast("t", "echo", [], {"a": source.numbers(1)})
        with pytest.raises(CannotEncode, match=r"args\[1\], of type object, cannot be sent"):
            await client.call("t", "echo", [source.numbers(1), object()])
        await nothing_is_left(client, server)


async def test_passed_on_it_is_read_from_process_to_process(source: Source) -> None:
    last = Methods(read=read)
    async with connected(last) as (middle, end):

        async def pass_on(items: Any, *args: Any) -> Any:
            return await middle.call("t", "read", [items, *args])

        async with connected(Methods(read=pass_on)) as (client, server):
            assert await client.call("t", "read", [source.numbers(300)]) == list(range(300))
            assert await client.call("t", "read", [source.numbers(10**9), 3]) == [0, 1, 2]
            assert source.closed.is_set()
            with pytest.raises(ValueError, match="the pen broke"):
                await client.call("t", "read", [source.fails()])
            source.closed = trio.Event()
            with trio.move_on_after(0.05):
                await client.call("t", "read", [source.silent()])
            assert source.closed.is_set()
            await nothing_is_left(client, server, middle, end)


async def test_the_context_is_that_of_who_lends(methods: Methods) -> None:
    who = ContextVar("who", default="nobody")

    async def names() -> AsyncIterator[str]:
        yield who.get()

    async with connected(methods) as (client, _):
        who.set("me")
        assert await client.call("t", "read", [names()]) == ["me"]


@pytest.mark.parametrize("number", [7, "one", None])
async def test_there_is_no_loan_of_that_number(methods: Methods, number: Any) -> None:
    async with connected(methods) as (client, _):
        with pytest.raises((LoanOver, CannotDecode)) as caught:
            await client.call("t", "read", [Lent(number)])
    assert isinstance(caught.value, LoanOver) == (number == 7)


def test_without_a_connection_there_is_nobody_to_borrow_from() -> None:
    (frame,) = Codec().encode([m.CALL, 1, "t", "read", [Lent(1)], {}, None, None])
    with pytest.raises(Damaged) as caught:
        Codec().decode(bytes(frame[4:]))
    assert "wanted none: there is nobody to ask for it" in str(caught.value.error)


async def test_the_messages_are_those_of_the_protocol(source: Source) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    reader = FrameReader()

    async def say(*message: Any) -> None:
        await theirs.send_all(frame(packb(message)))

    async def hear(count: int = 1) -> list[Any]:
        heard: list[Any] = []
        while len(heard) < count:
            heard += map(unpackb, reader.feed(bytes(await theirs.receive_some())))
        return heard

    async with (
        open_connection(ours, hello=Hello("us", 1), greeting=None) as connection,
        trio.open_nursery() as nursery,
    ):
        await say(m.HELLO, m.VERSION, "raw", 2, {})
        await hear()
        nursery.start_soon(connection.call, "t", "read", [source.numbers(9)])
        ((_, call, *asked),) = await hear()
        assert asked == ["t", "read", [[ExtType(40, b""), 1]], {}, None, None]
        await say(m.CALL, 77, 1, "$items", [], {}, None, 2)
        assert await hear(2) == [[m.ITEM, 77, 0], [m.ITEM, 77, 1]]
        await say(m.CREDIT, 77, 1)
        assert await hear() == [[m.ITEM, 77, 2]]
        await say(m.RESULT, call, None)
        ((kind, number, (_, told)),) = await hear()
        assert (kind, number, told["type"]) == (m.ERROR, 77, "supctl.errors.LoanOver")
        assert source.closed.is_set()
