"""The host: what a process does that has one child of a supervisor in its care."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import trio

from supctl.actors.incarnation import Down, Ignored, Incarnation, NotUp, Report, Up
from supctl.errors import ConnectionLost
from supctl.exits import ExitReason
from supctl.ipc import Codec, Connection, DescriptorTransport, Hello, Request, open_connection

from .lifeline import Lifeline, Link
from .names import LastingRegistry
from .switchboard import Switchboard

HOST = "host"
"""The target of what is said about the process itself."""


class Host(ABC):
    """Hosts one child, and answers for it to the process that wanted it.

    Attributes:
        board: the switchboard of this process.
        connection: to the process that wanted it, once there is one.
        ended: why the child has ended, once it has.
    """

    def __init__(self) -> None:
        self.board = Switchboard()
        self.connection: Connection
        self.ended: ExitReason | None = None
        self._nursery: trio.Nursery
        self._child: Incarnation | None = None
        self._names: LastingRegistry | None = None
        self._is_asked_to_stop = self._is_over = False
        self._may_leave = trio.Event()
        self._is_connected = trio.Event()
        self._is_up = trio.Event()
        self._begun: Report | None = None

    @abstractmethod
    def make(self, address: str, *what: Any) -> Incarnation:
        """Make the child from what we are told; it reports to :meth:`hear`."""

    @abstractmethod
    def fact(self) -> Any:
        """Return what is to be known of the child when it is up."""

    async def run(self, read_fd: int, write_fd: int, lifeline: Lifeline | None = None) -> None:
        """Serve until it is over; with a lifeline, also whoever follows who is gone."""
        async with trio.open_nursery() as self._nursery:
            self.board.work_in(self._nursery)
            if lifeline is not None:
                self.board.names = self._names = LastingRegistry(self.board)
                self._nursery.start_soon(self._heed_signals)
            link: Link | None = (read_fd, write_fd)
            while link is not None:
                was_let_go = await self._talk(*link)
                link = None if was_let_go or lifeline is None else await self._next(lifeline)
            self._nursery.cancel_scope.cancel()

    async def _talk(self, read_fd: int, write_fd: int) -> bool:
        """Serve until they are gone, or have let us go; return whether they have."""
        transport = DescriptorTransport(read_fd, write_fd)
        codec = Codec(self.board.types)
        with suppress(ConnectionLost):  # they were gone before a word was said
            async with open_connection(
                transport, hello=Hello("actor"), service=self, codec=codec, heartbeat=None
            ) as connection:
                self.connection = self.board.up = connection
                self._is_connected.set()
                await connection.closed.wait()
            self._is_connected = trio.Event()
            return connection.was_let_go
        return False

    async def _next(self, lifeline: Lifeline) -> Link | None:
        """Return the link to whoever comes next; ``None`` if nobody will, or they want nothing but
        our end, which has come."""
        link: Link | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._leave, nursery.cancel_scope)
            link = await lifeline.next_link()
            nursery.cancel_scope.cancel()
        return link

    async def _leave(self, scope: trio.CancelScope) -> None:
        await self._may_leave.wait()
        scope.cancel()

    async def _heed_signals(self) -> None:
        """Stop when asked to by those who do not talk with us."""
        with trio.open_signal_receiver(signal.SIGTERM) as received:
            async for _ in received:
                if self._child is None:
                    self._nursery.cancel_scope.cancel()
                self._stop()

    def _stop(self) -> None:
        self._is_asked_to_stop = True
        if self._child is not None:
            self._child.stop()
        if self._is_over:
            self._may_leave.set()

    # As supctl.ipc.Service.

    def call(self, request: Request) -> None:
        """Begin, or pass a request to an actor."""
        if request.target == HOST:
            request.serve(self._begin, *request.args)
        else:
            self.board.call(request)

    def stream(self, request: Request) -> AsyncIterator[Any]:
        """Pass it to the actor."""
        return self.board.stream(request)

    def cast(self, to: str | int, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Stop, or pass a message to the actor."""
        if to == HOST:
            self._stop()
        else:
            self.board.cast(to, method, args, kwargs)

    def cast_failed(self, to: str | int, method: str, error: Exception) -> None:
        """As the switchboard."""
        self.board.cast_failed(to, method, error)

    async def _begin(self, place: list[int], address: str, *what: Any) -> tuple[str, Any]:
        """Start the child, unless somebody has before; return ``up`` and a fact, ``ignored``,
        ``not_up`` and why, or ``down`` and why if it has ended since."""
        await self._is_connected.wait()  # it may be asked for right behind the first hello
        self.board.place = tuple(place)
        if self._child is None:
            self._child = self.make(address, *what)
            if self._is_asked_to_stop:  # right behind the request to begin
                self._child.stop()
            self._nursery.start_soon(self._child.run)
        elif self._names is not None:
            self._nursery.start_soon(self._names.tell_again)
        await self._is_up.wait()
        match self._begun:
            case NotUp(reason):
                return "not_up", reason
            case Ignored():
                return "ignored", None
        return ("up", self.fact()) if self.ended is None else ("down", self.ended)

    def hear(self, report: Report) -> None:
        """Hear what becomes of the child."""
        if isinstance(report, NotUp | Ignored | Down):
            self._is_over = True
            if self._is_asked_to_stop:
                self._may_leave.set()
        if isinstance(report, Up | NotUp | Ignored):
            self._begun = report
            self._is_up.set()
        elif isinstance(report, Down):
            self.ended = report.reason
            self._nursery.start_soon(self._tell_down, report.reason)

    async def _tell_down(self, reason: ExitReason) -> None:
        """Let our supervisor know. Others who wait for this end are answered before."""
        await trio.lowlevel.checkpoint()
        with suppress(ConnectionLost):
            self.connection.cast(HOST, "down", [reason], refusable=False)


async def rehearse(host: Host, *what: Any) -> None:
    """Let ``host`` live, and be asked for what it has, with nobody there to see it."""
    read_fd, their_write = os.pipe2(os.O_CLOEXEC)
    their_read, write_fd = os.pipe2(os.O_CLOEXEC)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(host.run, read_fd, write_fd)
        over = DescriptorTransport(their_read, their_write)
        async with open_connection(over, hello=Hello("rehearsal"), heartbeat=None) as connection:
            _, fact = await connection.call(HOST, "begin", ([1], "/rehearsal", *what))
            if isinstance(fact, int):  # it is an actor, of that number
                await connection.call(fact, "describe")
