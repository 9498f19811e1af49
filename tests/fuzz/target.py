"""What is done with arbitrary bytes, and what must hold whatever they are."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import trio
from trio.testing import MockClock

from supctl.errors import ConnectionLost, ProtocolError
from supctl.ipc import Codec, Connection, Hello, Registry, Request, open_connection
from supctl.ipc import messages as m
from supctl.ipc.codec import Damaged
from tests.ipc.ends import Methods

LIMIT: Final = 2**17
"""Bytes of a payload; more than a large one has, so that both ways of reading are taken."""

HELLO: Final = b"".join(Codec().encode([m.HELLO, m.VERSION, "fuzz", 1, {}]))


class Script:
    """A transport that reads what was written down before, and takes whatever is written."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = deque(chunk for chunk in chunks if chunk)

    def write_now(self, parts: Sequence[Any]) -> int:
        return sum(map(len, parts))

    async def write(self, parts: Sequence[Any]) -> int:
        await trio.lowlevel.checkpoint()
        return self.write_now(parts)

    async def read(self) -> bytes:
        await trio.lowlevel.checkpoint()
        return self._chunks.popleft() if self._chunks else b""

    async def read_into(self, room: memoryview) -> int:
        data = await self.read()
        if len(data) > len(room):
            self._chunks.appendleft(data[len(room) :])
        taken = min(len(data), len(room))
        room[:taken] = data[:taken]
        return taken

    async def aclose(self) -> None:
        self._chunks.clear()


class Fuzzed(Methods):
    """Refuses to stream what does not yield: there would be coroutines that nobody awaits."""

    def stream(self, request: Request) -> AsyncIterator[Any]:
        if request.method != "numbers":
            raise LookupError(request.method)
        return super().stream(request)


async def numbers(*_: Any) -> AsyncIterator[int]:
    """Yield a few."""
    for number in range(10):
        yield number


async def count(*lent: Any) -> int:
    """Read what is lent."""
    return len([item for items in lent async for item in items])


async def forever(*_: Any) -> None:
    """Do not return."""
    await trio.sleep_forever()


def decode(payload: bytes) -> None:
    """Decode a payload: it is a message, or an error says why not."""
    with suppress(ProtocolError, Damaged):
        m.kind_of(Codec(Registry(), LIMIT).decode(payload))


def converse(chunks: Iterable[bytes]) -> str:
    """Talk with a peer that sends these chunks and goes away; return why the talk was over."""
    return trio.run(_converse, chunks, clock=MockClock(autojump_threshold=0))


async def _converse(chunks: Iterable[bytes]) -> str:
    service = Fuzzed(echo=lambda *args, **_: args, numbers=numbers, forever=forever, count=count)
    transport, codec = Script(chunks), Codec(Registry(), LIMIT)
    hello = Hello("fuzzed", 1)
    try:
        async with (
            open_connection(transport, hello=hello, service=service, codec=codec) as connection,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_call, connection)
            nursery.start_soon(_read_stream, connection)
            await connection.closed.wait()
    except (ProtocolError, ConnectionLost) as error:
        return str(error)
    return connection.reason


# An answer may be an exception of any type; only those of the reading task would be our mistake.


async def _call(connection: Connection) -> None:
    with suppress(Exception):
        await connection.call("t", "whatever", [1, numbers()])


async def _read_stream(connection: Connection) -> None:
    with suppress(Exception):
        async with connection.stream("t", "whatever", window=3) as items:
            async for _ in items:
                pass
