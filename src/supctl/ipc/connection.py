"""A conversation with a peer: from HELLO to BYE, either side asks, either side answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import trio

from supctl.errors import ConnectionLost, ProtocolError, Unsupported

from . import messages as m
from .answering import Answering
from .borrowed import Borrowed
from .caller import PATIENCE, Caller
from .channel import Channel, EndOfStream
from .codec import Codec, Damaged
from .heartbeat import Heartbeat
from .hello import Hello
from .lending import Loans
from .request import Request, Service, Target
from .transport import Transport, transport_over

Handler = Callable[[list[Any]], None]

HEARTBEAT: Final = Heartbeat()

GREETING: Final = 15.0
"""Seconds in which a peer has to introduce itself."""


@asynccontextmanager
async def open_connection(
    over: Transport | trio.abc.Stream,
    *,
    hello: Hello,
    service: Service | None = None,
    codec: Codec | None = None,
    heartbeat: Heartbeat | None = HEARTBEAT,
    greeting: float | None = GREETING,
) -> AsyncIterator[Connection]:
    """Talk with a peer for the length of the block, which begins once both said hello.

    The end of the connection does not cancel the block: its calls raise ConnectionLost, and
    ``connection.closed`` tells. Leaving the block ends the connection, and cancels what it does
    for the peer.

    Args:
        over: what carries the bytes; it belongs to the connection and is closed with it.
        hello: how we introduce ourselves.
        service: what the peer may ask for; nothing, unless given.
        codec: with the types and the limit of this connection.
        heartbeat: when a silent peer counts as hung; None is never.
        greeting: seconds in which the peer has to introduce itself. None: the block begins at
            once, what is asked waits for the peer, and the first call learns what is wrong.

    Raises:
        ProtocolError: the peer speaks something else, or another version.
        ConnectionLost: it went away or said nothing.
    """
    transport = transport_over(over) if isinstance(over, trio.abc.Stream) else over
    codec = codec or Codec()
    connection = Connection(transport, service or Nothing(), hello, codec, heartbeat)
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            connection.say_hello()
            nursery.start_soon(connection.run)
            try:
                if greeting is not None:
                    await connection.wait_hello(greeting)
                yield connection
            except BaseException as error:
                failure = error  # raised below, where the nursery cannot wrap it in a group
            await connection.aclose()
    finally:
        await transport.aclose()
    if failure is not None:
        raise failure


class Connection(Caller):
    """One conversation with a peer. Made by :func:`open_connection`.

    Attributes:
        closed: set once it is over; ``reason`` says why.
        is_hung: whether that was because the peer gave no sign of life.
        was_let_go: whether that was because the peer said goodbye.
    """

    def __init__(
        self,
        transport: Transport,
        service: Service,
        hello: Hello,
        codec: Codec,
        heartbeat: Heartbeat | None,
    ) -> None:
        super().__init__(Channel(transport, codec), Loans(codec.is_lendable))
        codec.borrow = partial(Borrowed, self)
        self.closed = trio.Event()
        self.is_hung = self.was_let_go = False
        self._hello, self._codec, self._heartbeat = hello, codec, heartbeat
        self._answering = Answering(self._channel, service, lambda: self.peer.label, self._loans)
        self._heard = 0
        self._scope = trio.CancelScope()
        self._greeted = trio.Event()
        self._handlers: list[Handler] = [self._on_unexpected] * len(m.Kind)
        self._handlers[m.HELLO] = self._on_hello
        self._handlers[m.BYE] = self._on_bye

    def say_hello(self) -> None:
        """Introduce ourselves, before anything else is said."""
        hello = self._hello
        self._channel.send([m.HELLO, m.VERSION, hello.role, hello.pid, dict(hello.facts)])

    async def wait_hello(self, seconds: float) -> None:
        """Wait until the peer has introduced itself. Raises what ended the connection instead."""
        with trio.move_on_after(seconds):
            await self._greeted.wait()
        if not self._greeted.is_set():
            self._end(f"it said nothing within {seconds:g} s")
        if self.reason:
            if isinstance(self._cause, ProtocolError):
                raise self._cause
            raise ConnectionLost(self.peer.label, self.reason) from self._cause

    async def aclose(self, reason: str = "it was closed") -> None:
        """Say goodbye and end the connection. What is unanswered fails, at both ends."""
        await self._say_goodbye(reason)
        self._end(f"closed from this side: {reason}")

    async def run(self) -> None:
        """Keep the conversation going until it ends. For :func:`open_connection`."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                self._answering.work_in(nursery)
                nursery.start_soon(self._channel.write)
                nursery.start_soon(self._notice_failure)
                if self._heartbeat is not None:
                    nursery.start_soon(self._watch, self._heartbeat)
                await self._read()
        self._end("it was cancelled")

    async def _read(self) -> None:
        try:
            while not self.reason:
                payloads = await self._channel.receive()
                self._heard += 1
                must_release = self._channel.hold()
                self._take_all(payloads)
                if must_release:
                    self._channel.release()
        except EndOfStream as error:
            self._end(str(error))
        except ProtocolError as error:
            await self._refuse(error)

    def _take_all(self, payloads: Iterable[bytes | memoryview]) -> None:
        decode, kind_of, handlers = self._codec.decode, m.kind_of, self._handlers
        for payload in payloads:
            try:
                message = decode(payload)
            except Damaged as damage:
                self._take_damaged(damage)
            else:
                handlers[kind_of(message)](message)

    def _take_damaged(self, damage: Damaged) -> None:
        """Let the message fail whose value cannot be rebuilt here, and nothing else."""
        message = damage.message
        match m.kind_of(message):
            case m.RESULT | m.ERROR:
                self._handlers[m.ERROR]([m.ERROR, message[1], damage.error])
            case m.ITEM:
                self._handlers[m.ERROR]([m.ERROR, message[1], damage.error])
                self._channel.send([m.CANCEL, message[1]])
            case m.CALL | m.CAST:
                self._answering.refuse(message, damage.error)
            case kind:
                raise ProtocolError(f"{damage.error.got} in {m.Kind(kind).name}", "plain values")

    async def _watch(self, heartbeat: Heartbeat) -> None:
        await heartbeat.watch(lambda: self._heard, lambda n: self._channel.send([m.PING, n]))
        self.is_hung = True
        self._end(f"it hangs: no sign of life within {heartbeat.limit:g} s of being asked for one")

    async def _notice_failure(self) -> None:
        """End a connection that cannot be written to, unless the peer tells why in a moment."""
        await self._channel.failed.wait()
        await trio.sleep(PATIENCE)
        self._end("it takes nothing any more")

    async def _refuse(self, error: ProtocolError) -> None:
        """End the connection because of what the peer said, and tell it."""
        await self._say_goodbye(str(error))
        self._end(str(error), error)

    async def _say_goodbye(self, reason: str) -> None:
        if not self.reason:
            self._channel.send([m.BYE, reason])
            with trio.move_on_after(PATIENCE, shield=True):
                await self._channel.flush()

    def _end(self, reason: str, cause: Exception | None = None) -> None:
        if self.reason:
            return
        self.reason, self._cause = reason, cause
        self.fail_all()
        self._answering.cancel_all()
        self._scope.cancel()
        self._greeted.set()
        self.closed.set()

    def _on_hello(self, message: list[Any]) -> None:
        if message[1] != m.VERSION:
            raise ProtocolError(
                f"version {message[1]} of the protocol from the peer",
                f"version {m.VERSION}; use the same supctl at both ends",
            )
        self.peer = Hello(*message[2:])
        self._handlers[m.HELLO] = self._on_unexpected
        self._handlers[m.PING] = self._on_ping
        self._handlers[m.PONG] = self._on_pong
        takers = self.answer_handlers() | self._answering.request_handlers()
        for kind, handler in takers.items():
            self._handlers[kind] = handler
        self._greeted.set()

    def _on_bye(self, message: list[Any]) -> None:
        self.was_let_go = True
        self._end(f"it said goodbye: {message[1]}")

    def _on_ping(self, message: list[Any]) -> None:
        self._channel.send([m.PONG, message[1]])

    def _on_pong(self, message: list[Any]) -> None:
        """Do nothing: that something came is what counts."""

    def _on_unexpected(self, message: list[Any]) -> None:
        kind = m.Kind(message[0]).name
        wanted = "no second one" if message[0] == m.HELLO else "HELLO first"
        raise ProtocolError(f"a message {kind}", wanted)


class Nothing:
    """The service of a side that only asks."""

    def call(self, request: Request) -> None:
        """Refuse it."""
        raise self._refusal(request.method)

    def stream(self, request: Request) -> AsyncIterator[Any]:
        """Refuse it."""
        raise self._refusal(request.method)

    def cast(self, target: Target, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Drop it."""

    def cast_failed(self, target: Target, method: str, error: Exception) -> None:
        """Drop it."""

    def _refusal(self, method: str) -> Unsupported:
        return Unsupported(method, "a peer that only asks", "ask a peer that has a service")
