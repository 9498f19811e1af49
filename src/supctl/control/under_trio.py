"""The daemon for programs under trio."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from supctl.errors import ConnectionLost, NoDaemon
from supctl.ipc import Connection, Hello, open_connection

from .home import Home
from .methods import Facts, Methods
from .question import Question
from .reaching import Search, dial
from .target import TARGET


class _SteadyAsks:
    """Asks over a connection, as :class:`~.steady.SteadyLine` does over a line: it is replaced
    when the daemon is lost and another one listens.

    Args:
        connection: the first.
        reach: returns another; raises NoDaemon if no daemon is there.
    """

    def __init__(self, connection: Connection, reach: Callable[[], Awaitable[Connection]]) -> None:
        self._connection, self._reach = connection, reach
        self._one_at_a_time = trio.Lock()
        self._is_closed = False

    def close(self) -> None:
        """Reach nobody any more."""
        self._is_closed = True

    async def call(self, method: str, kwargs: Facts, timeout: float | None) -> Any:
        question, left = Question(method, kwargs), math.inf if timeout is None else timeout
        while True:
            connection = self._connection
            try:
                return await connection.call(TARGET, method, (), question.kwargs, left)
            except ConnectionLost as error:
                await self._replace(connection, error)
                question.repeat(error)

    async def stream(self, method: str, kwargs: Facts) -> AsyncIterator[Facts]:
        question = Question(method, kwargs)
        while True:
            connection = self._connection
            try:
                async with connection.stream(TARGET, method, (), question.kwargs) as items:
                    async for item in items:
                        yield item
                        question.note(item)
                return
            except ConnectionLost as error:
                await self._replace(connection, error)
                question.repeat(error)

    async def _replace(self, connection: Connection, error: ConnectionLost) -> None:
        """As that of :class:`~.steady.SteadyLine`."""
        async with self._one_at_a_time:
            if self._connection is not connection:
                return
            if self._is_closed or not connection.closed.is_set():
                raise error
            try:
                self._connection = await self._reach()
            except (NoDaemon, ConnectionLost):
                raise error from None


async def _hold(
    home: Home, task_status: trio.TaskStatus[Connection] = trio.TASK_STATUS_IGNORED
) -> None:
    """Speak with the daemon until one of us ends it."""
    connected = await trio.to_thread.run_sync(dial, home)
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(connected))
    async with open_connection(stream, hello=Hello("command"), heartbeat=None) as connection:
        task_status.started(connection)
        await connection.closed.wait()


async def _reach(home: Home, nursery: trio.Nursery) -> Connection:
    """As :func:`~.reaching.reach`. The connection lasts as long as the nursery."""
    search = Search()
    while True:
        try:
            connection: Connection = await nursery.start(_hold, home)
            return connection
        except ConnectionLost as loss:
            search.go_on(loss)


@asynccontextmanager
async def open_methods(home: Home) -> AsyncIterator[Methods[AsyncIterator[Facts]]]:
    """Speak with the daemon of ``home``, and with the next when it is lost, for the length of the
    block. Raises as Connector does."""
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        try:
            reach = partial(_reach, home, nursery)
            asks = _SteadyAsks(await reach(), reach)
            try:
                yield Methods(asks)
            finally:
                asks.close()
        except BaseException as error:
            failure = error  # raised below, where the nursery cannot wrap it in a group
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
