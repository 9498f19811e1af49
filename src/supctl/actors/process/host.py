"""The host: the program of a process that one actor lives in."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import trio

from supctl.actors.incarnation import Down, Ignored, NotUp, Report, Up
from supctl.actors.worker import WorkerActor
from supctl.errors import ConnectionLost
from supctl.exits import ExitReason
from supctl.ipc import Codec, Connection, DescriptorTransport, Hello, Request, open_connection
from supctl.ipc import messages as m
from supctl.specs import Worker

from .switchboard import Switchboard

HOST = "host"
"""The target of what is said about the process itself."""

ENTRY = f"{__name__}:main"
WARM_UP = f"{__name__}:warm_up"


def main(read_fd: int, write_fd: int) -> None:
    """Live until the actor has ended, or whoever started us is gone."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    trio.run(Host().run, read_fd, write_fd)


def warm_up() -> None:
    """Go through a life in which nobody wants an actor."""
    read_fd, their_write = os.pipe2(os.O_CLOEXEC)
    their_read, write_fd = os.pipe2(os.O_CLOEXEC)
    codec = Codec()
    for said in ([m.HELLO, m.VERSION, "supervisor", 0, {}], [m.BYE, "that was all"]):
        os.writev(their_write, codec.encode(said))
    main(read_fd, write_fd)
    os.close(their_read)
    os.close(their_write)


class Host:
    """Hosts one actor, and answers for it to the process that wanted it."""

    def __init__(self) -> None:
        self._board = Switchboard()
        self._connection: Connection
        self._nursery: trio.Nursery
        self._worker: WorkerActor | None = None
        self._is_asked_to_stop = False
        self._is_connected = trio.Event()
        self._is_up = trio.Event()
        self._begun: Report | None = None

    async def run(self, read_fd: int, write_fd: int) -> None:
        """Serve until it is over."""
        transport = DescriptorTransport(read_fd, write_fd)
        codec = Codec(self._board.types)
        async with trio.open_nursery() as self._nursery:
            self._board.work_in(self._nursery)
            with suppress(ConnectionLost):  # they were gone before a word was said
                async with open_connection(
                    transport, hello=Hello("actor"), service=self, codec=codec, heartbeat=None
                ) as connection:
                    self._connection = self._board.up = connection
                    self._is_connected.set()
                    await connection.closed.wait()  # they are gone, or have let us go
            self._nursery.cancel_scope.cancel()

    # As supctl.ipc.Service.

    def call(self, request: Request) -> None:
        """Begin, or pass a request to the actor."""
        if request.target == HOST:
            request.serve(self._begin, *request.args)
        else:
            self._board.call(request)

    def stream(self, request: Request) -> AsyncIterator[Any]:
        """Pass it to the actor."""
        return self._board.stream(request)

    def cast(self, to: str | int, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Stop, or pass a message to the actor."""
        if to == HOST:
            self._is_asked_to_stop = True
            if self._worker is not None:
                self._worker.stop()
        else:
            self._board.cast(to, method, args, kwargs)

    def cast_failed(self, to: str | int, method: str, error: Exception) -> None:
        """As the switchboard."""
        self._board.cast_failed(to, method, error)

    async def _begin(
        self,
        place: list[int],
        address: str,
        actor: str,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> tuple[str, int | ExitReason | None]:
        """Start the actor; return ``up`` and its number, ``ignored``, or ``not_up`` and why."""
        await self._is_connected.wait()  # it may be asked for right behind the first hello
        self._board.place = tuple(place)
        spec = Worker("actor", actor, *args, isolation="process", **options)
        self._worker = WorkerActor(spec, address, self._hear, self._board.names)
        if self._is_asked_to_stop:  # right behind the request to begin
            self._worker.stop()
        self._nursery.start_soon(self._worker.run)
        await self._is_up.wait()
        match self._begun:
            case NotUp(reason):
                return "not_up", reason
            case Ignored():
                return "ignored", None
        return "up", self._board.number_of(self._worker.life)

    def _hear(self, report: Report) -> None:
        if isinstance(report, Up | NotUp | Ignored):
            self._begun = report
            self._is_up.set()
        elif isinstance(report, Down):
            self._nursery.start_soon(self._tell_down, report.reason)

    async def _tell_down(self, reason: ExitReason) -> None:
        """Let our supervisor know. Others who wait for this end are answered before."""
        await trio.lowlevel.checkpoint()
        with suppress(ConnectionLost):
            self._connection.cast(HOST, "down", [reason])
