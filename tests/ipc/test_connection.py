"""Calls, casts, cancellation, deadlines and the ways in which a conversation ends."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import trio

from supctl.errors import (
    ActorTimeout,
    CannotDecode,
    CannotEncode,
    ConnectionFull,
    ConnectionLost,
    ProtocolError,
    RemoteError,
    Unsupported,
)
from supctl.ipc import Codec, Connection, DescriptorTransport, Hello, Registry, open_connection
from supctl.ipc import messages as m
from supctl.ipc.channel import ROOM
from supctl.ipc.framing import FrameReader, frame
from tests.ipc.ends import Methods, connected, pipes

Over = Callable[[], tuple[Any, Any]]


def echo(value: Any) -> Any:
    return value


def fails(error: Exception) -> None:
    raise error


class Gate:
    """A method that says when it has begun, and how it ended."""

    def __init__(self) -> None:
        self.begun, self.ended = trio.Event(), trio.Event()
        self.end = ""
        self.cancelled_at = 0.0

    async def wait(self, cleanup: float = 0.0) -> None:
        self.begun.set()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.end, self.cancelled_at = "cancelled", trio.current_time()
            with trio.CancelScope(shield=True):
                await trio.sleep(cleanup)
            raise
        finally:
            self.ended.set()


async def test_either_side_calls_the_other(over: Over) -> None:
    async with connected(Methods(echo=echo), over) as (client, server):
        assert await client.call("t", "echo", [(1, {2: b"x"})]) == (1, {2: b"x"})
        assert await client.call(7, "echo", kwargs={"value": 3}) == 3
        with pytest.raises(Unsupported, match="a peer that only asks"):
            await server.call("t", "echo", [1])
        assert (client.peer.label, server.peer.label) == ("server 2", "client 1")


async def test_asynchronous_methods_run_side_by_side(over: Over) -> None:
    gate = Gate()
    methods = Methods(wait=gate.wait, echo=echo)
    async with connected(methods, over) as (client, _), trio.open_nursery() as nursery:
        nursery.start_soon(client.call, "t", "wait")
        await gate.begun.wait()
        assert await client.call("t", "echo", [1]) == 1
        nursery.cancel_scope.cancel()


async def test_a_hundred_tasks_get_their_own_answers(over: Over) -> None:
    async def late(value: int) -> int:
        await trio.sleep(value % 3 / 1000)
        return value

    seen = []
    async with connected(Methods(late=late), over) as (client, _), trio.open_nursery() as nursery:

        async def ask(value: int) -> None:
            seen.append((value, await client.call("t", "late", [value])))

        for value in range(100):
            nursery.start_soon(ask, value)
    assert sorted(seen) == [(value, value) for value in range(100)]


async def test_an_answer_may_come_later_and_counts_once() -> None:
    methods = Methods()
    methods.methods["later"] = lambda: methods.requests[-1]  # says: not answered yet
    async with connected(methods) as (client, _), trio.open_nursery() as nursery:

        async def ask() -> None:
            assert await client.call("t", "later") == "now"

        nursery.start_soon(ask)
        while not methods.requests:
            await trio.lowlevel.checkpoint()
        (request,) = methods.requests
        assert request.peer == "client 1"
        request.answer("now")
        request.answer("again")
        request.fail(ValueError())
        request.cancel()
        assert request.is_over


async def test_errors_arrive_with_their_traceback(over: Over) -> None:
    class Odd(Exception):
        pass

    async with connected(Methods(fails=fails), over) as (client, _):
        with pytest.raises(ValueError, match="no") as caught:
            await client.call("t", "fails", [ValueError("no")])
        assert "in fails" in caught.value.__notes__[-1]
        with pytest.raises(KeyError, match="nothing"):
            await client.call("t", "nothing")
        with pytest.raises(RemoteError, match="Odd: why"):
            await client.call("t", "fails", [Odd("why")])


async def test_what_cannot_be_sent_harms_only_its_call(over: Over) -> None:
    codec = partial(Codec, Registry(), limit=5000)
    methods = Methods(echo=echo, thing=object, much=lambda: b"x" * 6000, fails=fails)
    many = ExceptionGroup("", [ValueError("x" * 500)] * 20)
    methods.methods["group"] = lambda: fails(many)
    async with connected(methods, over, codec=codec()) as (client, _):
        with pytest.raises(CannotEncode, match=r"args\[0\], of type object"):
            await client.call("t", "echo", [object()])
        with pytest.raises(CannotEncode, match="the result, of type object"):
            await client.call("t", "thing")
        with pytest.raises(CannotEncode, match=r"the result, of type bytes.* 6,006 bytes"):
            await client.call("t", "much")
        with pytest.raises(CannotEncode, match="the error, of type ExceptionGroup"):
            await client.call("t", "group")
        with pytest.raises(ValueError, match=r"^x{1000}"):
            await client.call("t", "fails", [ValueError("x" * 1000)])
        assert await client.call("t", "echo", [1]) == 1


@dataclass
class Known:
    value: int


async def test_a_type_that_only_one_side_knows_harms_only_its_call() -> None:
    registry = Registry()
    registry.register(Known)
    ours, theirs = pipes()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            serve_until_closed, theirs, Methods(echo=echo, make=lambda: 1), Codec(Registry())
        )
        hello = Hello("client", 1)
        async with open_connection(ours, hello=hello, codec=Codec(registry)) as client:
            with pytest.raises(CannotDecode, match=r"Known.*registered here"):
                await client.call("t", "echo", [Known(1)])
            client.cast("t", "echo", [Known(1)])
            assert await client.call("t", "make") == 1


async def serve_until_closed(end: Any, methods: Methods, codec: Codec) -> None:
    hello = Hello("server", 2)
    async with open_connection(end, hello=hello, service=methods, codec=codec) as connection:
        await connection.closed.wait()
    assert [method for method, _ in methods.failed] == ["echo"]


async def test_casts_arrive_in_order_among_calls(over: Over) -> None:
    seen: list[int] = []
    async with connected(Methods(note=seen.append), over) as (client, _):
        for value in range(1000):
            client.cast("t", "note", [value])
        await client.call("t", "note", [1000])
        assert seen == list(range(1001))


async def test_a_cast_that_fails_is_told_to_the_service() -> None:
    methods = Methods(fails=fails, echo=echo)
    async with connected(methods) as (client, _):
        client.cast("t", "fails", [ValueError("no")])
        assert await client.call("t", "echo", [1]) == 1
        ((method, error),) = methods.failed
        assert (method, repr(error)) == ("fails", "ValueError('no')")


async def test_a_cast_is_refused_when_too_much_waits(over: Over) -> None:
    taken: list[bytes] = []
    async with connected(Methods(take=taken.append), over) as (client, _):
        sent = 0
        while not client._channel.is_full:
            client.cast("t", "take", [bytes(ROOM // 8)])
            sent += 1
        with pytest.raises(ConnectionFull, match="1,048,576 bytes wait for server 2"):
            client.cast("t", "take", [b"refused"])
        await client.wait_room()
        client.cast("t", "take", [b"last"])
        await client.call("t", "take", [b"call"])
        assert len(taken) == sent + 2


async def test_many_callers_wait_for_room_at_once(over: Over) -> None:
    taken: list[bytes] = []
    async with connected(Methods(take=taken.append), over) as (client, _):
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(client.call, "t", "take", [bytes(ROOM // 2)])
        assert len(taken) == 30


async def test_cancelling_a_call_is_seen_over_there_and_waited_for(over: Over) -> None:
    gate = Gate()
    async with connected(Methods(wait=gate.wait), over) as (client, _):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.call, "t", "wait", [0.05])
                await gate.begun.wait()
                cancelled_at = trio.current_time()
                scope.cancel()
        assert gate.end == "cancelled"
        assert cancelled_at <= gate.cancelled_at <= trio.current_time() - 0.05


async def test_a_peer_that_does_not_stop_is_left_in_bounded_time() -> None:
    methods = Methods()
    methods.methods["keep"] = lambda: methods.requests[-1]
    async with connected(methods) as (client, _):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.call, "t", "keep")
                while not methods.requests:
                    await trio.lowlevel.checkpoint()
                asked_to_stop = trio.Event()
                methods.requests[0].begin(asked_to_stop.set)
                started_at = trio.current_time()
                scope.cancel()
        assert asked_to_stop.is_set()
        assert 1.0 <= trio.current_time() - started_at < 3.0
        methods.requests[0].answer("too late")


async def test_a_request_that_was_cancelled_before_it_began_is_over_at_once() -> None:
    methods = Methods()
    methods.methods["queue"] = lambda: methods.requests[-1]
    async with connected(methods) as (client, _):
        with trio.move_on_after(0.05):
            await client.call("t", "queue")
        (request,) = methods.requests
        assert request.is_over
        assert request.is_cancelled


async def test_a_cancelled_scope_sends_nothing() -> None:
    methods = Methods(echo=echo)
    async with connected(methods) as (client, _):
        with trio.CancelScope() as scope:
            scope.cancel()
            await client.call("t", "echo", [1])
        assert await client.call("t", "echo", [2]) == 2
        assert len(methods.requests) == 1


async def test_a_timeout_ends_the_call_and_the_work(over: Over) -> None:
    gate = Gate()
    async with connected(Methods(wait=gate.wait, echo=echo), over) as (client, _):
        with pytest.raises(ActorTimeout, match=r"t did not answer wait within 0\.05 s"):
            await client.call("t", "wait", [0.2], timeout=0.05)
        await gate.ended.wait()
        assert gate.end == "cancelled"
        assert await client.call("t", "echo", [1], timeout=5.0) == 1
        assert await client.call("t", "echo", [1], timeout=float("inf")) == 1
        with pytest.raises(ActorTimeout):
            await client.call("t", "echo", [1], timeout=0.0)


async def test_the_deadline_travels_with_the_call() -> None:
    methods = Methods(echo=echo)
    async with connected(methods) as (client, _):
        await client.call("t", "echo", [1], timeout=60.0)
        await client.call("t", "echo", [1])
        timed, endless = methods.requests
        assert 50.0 < timed.deadline - trio.current_time() <= 60.0
        assert endless.deadline == float("inf")


# How it ends.


async def test_goodbye_fails_what_is_unanswered_at_both_ends(over: Over) -> None:
    gate = Gate()
    async with connected(Methods(wait=gate.wait), over) as (client, server):
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ConnectionLost, match="server 2 is over: it said goodbye: tea"):
                    await client.call("t", "wait")

            nursery.start_soon(ask)
            await gate.begun.wait()
            await server.aclose("tea time")
        await client.closed.wait()
        assert gate.end == "cancelled"
        assert client.reason == "it said goodbye: tea time"
        assert server.reason == "closed from this side: tea time"
        with pytest.raises(ConnectionLost):
            client.cast("t", "wait")
        with pytest.raises(ConnectionLost):
            await client.call("t", "wait")


@asynccontextmanager
async def opposite_raw_pipes(
    **options: Any,
) -> AsyncIterator[tuple[Connection, trio.lowlevel.FdStream, trio.lowlevel.FdStream]]:
    """A connection whose peer is the test itself, byte by byte."""
    (read, their_write), (their_read, write) = os.pipe(), os.pipe()
    async with (
        trio.lowlevel.FdStream(their_read) as receive,
        trio.lowlevel.FdStream(their_write) as send,
    ):
        await send.send_all(packed(m.HELLO, m.VERSION, "raw", 3, {}))
        transport = DescriptorTransport(read, write)
        options.setdefault("service", Methods(echo=echo))
        async with open_connection(transport, hello=Hello("tested", 1), **options) as connection:
            yield connection, receive, send


def packed(*message: Any) -> bytes:
    return b"".join(Codec().encode(list(message)))


async def messages_of(receive: trio.abc.ReceiveStream, count: int) -> list[Any]:
    """Read so many messages."""
    reader, codec = FrameReader(), Codec()
    told: list[Any] = []
    while len(told) < count:
        told += map(codec.decode, reader.feed(bytes(await receive.receive_some())))
    return told


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        (b"", "it ended without a goodbye"),
        (b"\0", "it ended in the middle of a message"),
        (packed(m.PING, 1)[:-1], "it ended in the middle of a message"),
        (frame(bytes(70_000))[:-1], "it ended in the middle of a message"),
        (packed(m.PING, 1) + packed(m.BYE, "so long"), "it said goodbye: so long"),
    ],
)
async def test_an_end_is_told_with_its_reason(left: bytes, reason: str) -> None:
    async with opposite_raw_pipes() as (connection, _, send), trio.open_nursery() as nursery:

        async def ask() -> None:
            with pytest.raises(ConnectionLost, match=f"raw 3 is over: {reason}"):
                await connection.call("t", "echo")

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        await send.send_all(left)
        await send.aclose()
        await connection.closed.wait()
        assert connection.reason == reason


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (frame(b"\xc1"), "got 1 bytes that are no message"),
        (frame(b""), "got 0 bytes that are no message"),
        (b"\xff\xff\xff\xff", "got a frame of 4294967295 bytes; wanted at most 67108864"),
        (packed(m.PING, "x"), r"got a message PING of \(str\); wanted \(number\)"),
        (packed(m.CREDIT, 1, -1), r"got a message CREDIT of \(int, int\)"),
        (packed(m.CALL, 1, "t"), r"got a message CALL of \(int, str\)"),
        (packed(m.CALL, 1, "t", "m", [], {1: 2}, None, None), "got a message CALL"),
        (packed(m.CALL, 1, "t", "m", [], {}, float("nan"), None), "got a message CALL"),
        (packed(m.CALL, 1, "t", "m", [], {}, None, None, {"1:2": 3}), "got a message CALL"),
        (packed(m.CALL, 1, "t", "m", [], {}, None, None, ["1:2"]), "got a message CALL"),
        (packed(m.HELLO, m.VERSION, "raw", 3, {}), "got a message HELLO; wanted no second one"),
        (frame(b"\x91\x0c"), "got a message of kind 12; wanted a kind from 0 to 11"),
        (frame(b"\x91\xff"), "got a message of kind -1"),
        (frame(b"\x91\xc3"), "got a message of kind True"),
        (frame(b"\x90"), "got a list without a kind"),
        (frame(b"\x80"), "got a dict without a kind"),
    ],
)
async def test_what_is_not_of_the_protocol_ends_the_connection_with_a_sentence(
    said: bytes, sentence: str
) -> None:
    async with opposite_raw_pipes() as (connection, receive, send):
        await send.send_all(said)
        await connection.closed.wait()
        with pytest.raises(ConnectionLost, match=sentence) as caught:
            await connection.call("t", "echo")
        assert isinstance(caught.value.__cause__, ProtocolError)
        hello, bye = await messages_of(receive, 2)
        assert hello[0] == m.HELLO
        assert bye == [m.BYE, connection.reason]


@pytest.mark.parametrize(
    "message",
    [
        (m.CREDIT, 99, 1),
        (m.CANCEL, 99),
        (m.RESULT, 99, 1),
        (m.ITEM, 99, 1),
        (m.END, 99),
        (m.ERROR, 99, ValueError()),
    ],
)
async def test_what_crossed_with_a_cancel_is_ignored(message: tuple[Any, ...]) -> None:
    async with opposite_raw_pipes() as (_, receive, send):
        await send.send_all(packed(*message) + packed(m.PING, 5))
        hello, pong = await messages_of(receive, 2)
        assert hello[0] == m.HELLO
        assert pong == [m.PONG, 5]


@pytest.mark.parametrize("message", [(m.RESULT, 1, 5), (m.ITEM, 2, 5), (m.END, 2)])
async def test_an_answer_of_the_wrong_kind_fails_everything(message: tuple[Any, ...]) -> None:
    async with opposite_raw_pipes() as (connection, _, send), trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(ConnectionLost, match=r"got .* wanted"):
                await connection.call("t", "echo")

        async with connection.stream("t", "numbers") as items:
            nursery.start_soon(call)
            await trio.testing.wait_all_tasks_blocked()
            await send.send_all(packed(*message))
            with pytest.raises(ConnectionLost, match=r"got .* wanted"):
                await anext(items)


async def test_a_number_that_is_in_use_is_refused() -> None:
    gate = Gate()
    async with opposite_raw_pipes(service=Methods(wait=gate.wait)) as (connection, _, send):
        await send.send_all(packed(m.CALL, 1, "t", "wait", [], {}, None, None) * 2)
        await connection.closed.wait()
        assert "a second call of number 1" in connection.reason


@asynccontextmanager
async def greeting(
    said: bytes, closed: bool = False, **options: Any
) -> AsyncIterator[tuple[Any, Any]]:
    """Open a connection whose peer begins with these bytes."""
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.send_all(said)
    if closed:
        await theirs.aclose()
    yield open_connection(ours, hello=Hello("tested", 1), **options), theirs
    await theirs.aclose()


async def test_another_version_is_refused_with_a_sentence_for_both() -> None:
    async with greeting(packed(m.HELLO, 2, {"new": "shape"})) as (opening, theirs):
        with pytest.raises(ProtocolError, match=r"version 2 of the protocol.*wanted version 1"):
            async with opening:
                pytest.fail("it was opened")
        hello, bye = await messages_of(theirs, 2)
        assert hello[:3] == [m.HELLO, 1, "tested"]
        assert bye[0] == m.BYE
        assert "use the same supctl at both ends" in bye[1]


@pytest.mark.parametrize("said", [packed(m.PING, 1), frame(b"\xc1"), b"GET / HTTP/1.1\r\n\r\n"])
async def test_anything_else_than_hello_first_is_refused(said: bytes) -> None:
    async with greeting(said) as (opening, _):
        with pytest.raises(ProtocolError):
            async with opening:
                pytest.fail("it was opened")


async def test_a_peer_that_says_goodbye_first_says_why() -> None:
    async with greeting(packed(m.BYE, "not for you")) as (opening, _):
        with pytest.raises(ConnectionLost, match="it said goodbye: not for you"):
            async with opening:
                pytest.fail("it was opened")


async def test_a_peer_that_is_gone_or_silent_is_told() -> None:
    async with greeting(b"", closed=True) as (opening, _):
        with pytest.raises(ConnectionLost, match="it ended without a goodbye"):
            async with opening:
                pytest.fail("it was opened")
    async with greeting(b"", greeting=0.02) as (opening, _):
        with pytest.raises(ConnectionLost, match=r"it said nothing within 0\.02 s"):
            async with opening:
                pytest.fail("it was opened")


async def test_an_error_of_the_block_leaves_it_as_it_is() -> None:
    with pytest.raises(LookupError, match="mine"):
        async with opposite_raw_pipes():
            raise LookupError("mine")


async def test_writing_to_a_peer_that_closed_its_ear_ends_in_bounded_time() -> None:
    async with opposite_raw_pipes() as (connection, receive, _):
        await receive.aclose()
        with pytest.raises(ConnectionLost, match="it takes nothing any more"):
            await connection.call("t", "echo")


async def test_a_pair_of_descriptor_streams_takes_the_quick_way() -> None:
    (read, their_write), (their_read, write) = os.pipe(), os.pipe()
    ends = [
        trio.StapledStream(trio.lowlevel.FdStream(w), trio.lowlevel.FdStream(r))
        for w, r in [(write, read), (their_write, their_read)]
    ]
    async with connected(Methods(echo=echo), lambda: (ends[0], ends[1])) as (client, _):
        assert isinstance(client._channel._transport, DescriptorTransport)
        assert await client.call("t", "echo", [b"x" * 3_000_000]) == b"x" * 3_000_000


async def test_sockets_carry_it_too() -> None:
    ours, theirs = trio.socket.socketpair()
    ends = trio.SocketStream(ours), trio.SocketStream(theirs)
    async with connected(Methods(echo=echo), lambda: ends) as (client, _):
        assert await client.call("t", "echo", [b"x" * 3_000_000]) == b"x" * 3_000_000


async def test_a_peer_that_asks_and_does_not_read_is_given_up() -> None:
    service = Methods(much=lambda: bytes(200_000))
    async with opposite_raw_pipes(service=service, codec=Codec(limit=2**20)) as ends:
        connection, _, send = ends
        for number in range(40):
            await send.send_all(packed(m.CALL, number, "t", "much", [], {}, None, None))
        await connection.closed.wait()
        assert connection.reason == "it takes nothing any more"
        assert connection._channel.waiting == 0
