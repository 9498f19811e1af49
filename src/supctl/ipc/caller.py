"""What we ask of a peer: calls, casts and streams, and what waits for their answers."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from supctl.errors import ActorTimeout, CannotEncode, ConnectionFull, ConnectionLost

from . import messages as m
from .channel import ROOM, Channel
from .deadlines import current_deadlines
from .hello import UNKNOWN
from .lending import Loans
from .request import Target
from .waiting import Items, Result, Waiting

PATIENCE: Final = 1.0
"""Seconds in which a peer has to acknowledge a cancel, and a goodbye has to be written."""

WINDOW: Final = 64
"""Items of a stream that may be on their way, unless told otherwise."""


class Caller:
    """The asking half of a connection.

    Attributes:
        peer: how the other side introduced itself.
        reason: why the connection is over; empty as long as it is not.
    """

    def __init__(self, channel: Channel, loans: Loans) -> None:
        self.peer, self.reason = UNKNOWN, ""
        self._channel, self._loans = channel, loans
        self._waiting: dict[int, Waiting] = {}  # by number of the call
        self._last_number = 0
        self._cause: Exception | None = None
        self._deadlines = current_deadlines()

    async def call(
        self,
        target: Target,
        method: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        timeout: float = math.inf,
        chain: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask the peer and return its answer.

        Cancelling it cancels the work over there and waits until the peer says that it has
        stopped, at most :data:`PATIENCE` seconds.

        Args:
            target: who is meant, as the peer's service understands it.
            method: what it is to do.
            args: positional arguments. An async iterable among them is lent: it is read by the
                method, while that runs, and closed then, as :class:`~supctl.ipc.lending.Loan`
                says.
            kwargs: keyword arguments, the same.
            timeout: seconds after which the work over there is cancelled too; :data:`math.inf`
                waits as long as the connection lasts.
            chain: who waits for the answer, for the peer's service.

        Raises:
            ActorTimeout: there was no answer in time.
            CannotEncode: an argument cannot be sent; nothing was.
            ConnectionLost: the connection is or was over; it may have taken effect.
            Exception: whatever the answer is.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        left = timeout
        if self._channel.waiting >= ROOM:
            left = await self._wait_room_within(timeout)
        if left <= 0:
            raise ActorTimeout(str(target), method, timeout)
        result = Result()
        try:
            number = self._ask(result, target, method, args, kwargs, left, None, chain)
        except CannotEncode:
            if not self._loans.are_wanted(args, kwargs or {}):
                raise
            number = 0
        if not number:  # out here, as errors of the call have nothing to do with that one
            async with self._loans.lent(args, kwargs or {}) as (args, kwargs):
                return await self.call(target, method, args, kwargs, left, chain)
        await self._wait_for(number, result, left)
        if not result.is_over:
            # Who has no time left waits for nobody: the peer has a clock, too.
            await self._abandon(number, result, 0.0)
            raise ActorTimeout(str(target), method, timeout)
        if result.error is not None:
            raise result.error
        if result.is_acknowledged:
            raise ConnectionLost(self.peer.label, f"it cancelled {method} by itself")
        return result.value

    async def _wait_for(self, number: int, result: Result, timeout: float) -> None:
        """Wait for the answer, or until the time is over; cancelling it cancels the call."""
        if timeout < math.inf:
            self._deadlines.add(result, timeout)
        try:
            await result.sleep()
        except trio.Cancelled:
            await self._abandon(number, result, PATIENCE)
            raise
        finally:
            if timeout < math.inf:
                self._deadlines.discard(result, timeout)

    def cast(
        self,
        target: Target,
        method: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        refusable: bool = True,
    ) -> None:
        """Tell the peer, and don't wait. Whether it arrives is not known.

        Args:
            refusable: whether it may be refused when much waits. If not, it waits behind that, as
                answers do, and a peer that takes nothing for too long loses the connection.

        Raises:
            CannotEncode: an argument cannot be sent.
            ConnectionFull: so much waits to be written that this was refused; who would rather
                wait awaits :meth:`wait_room` before.
            ConnectionLost: the connection is over.
        """
        if self.reason:
            self._check_open()
        if refusable and self._channel.waiting >= ROOM:
            raise ConnectionFull(self.peer.label, ROOM)
        self._channel.send([m.CAST, target, method, [*args], dict(kwargs) if kwargs else {}])

    @asynccontextmanager
    async def stream(
        self,
        target: Target,
        method: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        window: int = WINDOW,
        chain: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Items]:
        """Ask the peer for a stream; leaving the block cancels what is left of it.

        Args:
            target, method, args, kwargs, chain: as in :meth:`call`.
            window: items that may be on their way; the peer makes no more before some are taken.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        await self.wait_room()
        async with self._loans.lent(args, kwargs or {}) as (args, kwargs):
            number, items = self.begin_stream(target, method, args, kwargs, window, chain)
            try:
                yield items
            finally:
                await self.leave_stream(number, items)

    def begin_stream(
        self,
        target: Target,
        method: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        window: int = WINDOW,
        chain: Mapping[str, str] | None = None,
    ) -> tuple[int, Items]:
        """Ask the peer for a stream, and return its number. :meth:`leave_stream` has to follow."""

        def grant(more: int) -> None:
            self._send([m.CREDIT, number, more])

        items = Items(window, grant)
        number = self._ask(items, target, method, args, kwargs, math.inf, window, chain)
        return number, items

    async def leave_stream(self, number: int, items: Items) -> None:
        """Cancel what is left of a stream, and wait a while until that has stopped."""
        if not items.is_over:
            await self._abandon(number, items, PATIENCE)

    async def _wait_room_within(self, timeout: float) -> float:
        """Wait until there is room; return the seconds that are left, at most 0 if none are."""
        deadline = trio.current_time() + timeout
        with trio.CancelScope(deadline=deadline):
            await self._channel.wait_room()
        return deadline - trio.current_time()

    async def wait_room(self) -> None:
        """Wait while so much waits to be written that no more should be sent."""
        if self._channel.is_full:
            await self._channel.wait_room()

    def _ask(
        self,
        waiting: Waiting,
        target: Target,
        method: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None,
        timeout: float,
        credit: int | None,
        chain: Mapping[str, str] | None,
    ) -> int:
        if self.reason:
            self._check_open()
        number = self._last_number = self._last_number + 1
        message = [
            m.CALL,
            number,
            target,
            method,
            [*args],
            dict(kwargs) if kwargs else {},
            timeout if timeout <= m.LONGEST_WAIT else None,
            credit,
        ]
        if chain:
            message.append(dict(chain))
        self._channel.send(message)
        self._waiting[number] = waiting
        return number

    async def _abandon(self, number: int, waiting: Waiting, patience: float) -> None:
        """Cancel a call of ours and wait a while for the peer to say that it has stopped."""
        if waiting.is_over or self.reason:
            return
        self._send([m.CANCEL, number])
        with trio.move_on_after(patience, shield=True):
            while not waiting.is_over:
                await waiting.sleep()
        self._waiting.pop(number, None)

    def answer_handlers(self) -> dict[int, Callable[[list[Any]], None]]:
        """Return what takes the answers, by kind of message."""
        return {
            m.RESULT: self._on_result,
            m.ERROR: self._on_error,
            m.ITEM: self._on_item,
            m.END: self._on_end,
        }

    # Answers to what is not waited for any more are ignored: they crossed with a cancel. What
    # refuses its answer stays, to fail with the connection.

    def _on_result(self, message: list[Any]) -> None:
        waiting = self._waiting.get(message[1])
        if waiting is not None:
            waiting.settle(message[2])
            del self._waiting[message[1]]

    def _on_error(self, message: list[Any]) -> None:
        waiting = self._waiting.pop(message[1], None)
        if waiting is not None:
            waiting.fail(message[2])

    def _on_item(self, message: list[Any]) -> None:
        waiting = self._waiting.get(message[1])
        if waiting is not None:
            waiting.add(message[2])

    def _on_end(self, message: list[Any]) -> None:
        waiting = self._waiting.get(message[1])
        if waiting is not None:
            waiting.end()
            del self._waiting[message[1]]

    def fail_all(self) -> None:
        """Let everything that waits fail: the connection is over."""
        abandoned, self._waiting = self._waiting, {}
        for waiting in abandoned.values():
            error = ConnectionLost(self.peer.label, self.reason)
            error.__cause__ = self._cause
            waiting.fail(error)

    def _check_open(self) -> None:
        if self.reason:
            raise ConnectionLost(self.peer.label, self.reason) from self._cause

    def _send(self, message: list[Any]) -> None:
        if not self.reason:
            self._channel.send(message)
