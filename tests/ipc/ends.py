"""Two connected ends in one process, a service whose methods are plain functions, and items."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio.testing import memory_stream_pair

from supctl.ipc import Connection, DescriptorTransport, Hello, Request, Service, open_connection
from supctl.ipc.request import Target

Ends = tuple[Connection, Connection]


class Methods:
    """A service of functions: plain ones answer at once, asynchronous ones in a task."""

    def __init__(self, **methods: Callable[..., Any]) -> None:
        self.methods = methods
        self.casts: list[Any] = []
        self.failed: list[tuple[str, Exception]] = []
        self.requests: list[Request] = []

    def call(self, request: Request) -> None:
        self.requests.append(request)
        method = self.methods[request.method]
        if inspect.iscoroutinefunction(method):
            request.serve(method, *request.args)
        elif (value := method(*request.args, **request.kwargs)) is not request:
            request.answer(value)

    def stream(self, request: Request) -> AsyncIterator[Any]:
        self.requests.append(request)
        items: AsyncIterator[Any] = self.methods[request.method](*request.args)
        return items

    def cast(self, target: Target, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.methods[method](*args)
        self.casts.append((target, method, args, kwargs))

    def cast_failed(self, target: Target, method: str, error: Exception) -> None:
        self.failed.append((method, error))


class Source:
    """Yields, counts what it has made, and tells that it was left."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = trio.Event()

    async def numbers(self, count: int) -> AsyncIterator[int]:
        try:
            for number in range(count):
                self.made = number + 1
                yield number
        finally:
            self.closed.set()

    async def fails(self) -> AsyncIterator[int]:
        try:
            yield 1
            raise ValueError("the pen broke")
        finally:
            self.closed.set()

    async def silent(self) -> AsyncIterator[int]:
        try:
            await trio.sleep_forever()
            yield 1
        finally:
            self.closed.set()


def pipes() -> tuple[DescriptorTransport, DescriptorTransport]:
    """Return the two ends of a pair of pipes."""
    there, back = os.pipe(), os.pipe()
    return DescriptorTransport(back[0], there[1]), DescriptorTransport(there[0], back[1])


def memory() -> tuple[trio.abc.Stream, trio.abc.Stream]:
    """Return two trio streams that no fast path knows."""
    return memory_stream_pair()


@asynccontextmanager
async def connected(
    service: Service, over: Callable[[], tuple[Any, Any]] = pipes, **options: Any
) -> AsyncIterator[Ends]:
    """Connect a client with a server that has the service; yield (client, server)."""
    ours, theirs = over()

    async def serve(task_status: trio.TaskStatus[Connection]) -> None:
        context = open_connection(theirs, hello=Hello("server", 2), service=service, **options)
        async with context as connection:
            task_status.started(connection)
            await connection.closed.wait()

    async with trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[Connection](1)

        async def start() -> None:
            send.send_nowait(await nursery.start(serve))

        nursery.start_soon(start)
        async with open_connection(ours, hello=Hello("client", 1), **options) as client:
            yield client, await receive.receive()
