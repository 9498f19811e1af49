"""The daemon for programs under trio."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from supctl.ipc import Connection, Hello, open_connection

from .home import Home
from .methods import Facts, Methods
from .reaching import dial
from .target import TARGET


class _Asks:
    """Asks over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def call(self, method: str, kwargs: Facts, timeout: float | None) -> Any:
        left = math.inf if timeout is None else timeout
        return await self._connection.call(TARGET, method, (), kwargs, left)

    async def stream(self, method: str, kwargs: Facts) -> AsyncIterator[Facts]:
        async with self._connection.stream(TARGET, method, (), kwargs) as items:
            async for item in items:
                yield item


@asynccontextmanager
async def open_methods(home: Home) -> AsyncIterator[Methods[AsyncIterator[Facts]]]:
    """Speak with the daemon of ``home`` for the length of the block. Raises as Connector does."""
    connected = await trio.to_thread.run_sync(dial, home)
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(connected))
    async with open_connection(stream, hello=Hello("command"), heartbeat=None) as connection:
        yield Methods(_Asks(connection))
