"""Making the items of a stream that a peer asked for, no faster than it takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import trio

from .request import Request
from .waiting import Sleeper

if TYPE_CHECKING:
    from .answering import Answering


class StreamRequest(Request):
    """A request for a stream. It is over once its last item was sent.

    Nothing is taken from the iterator before the peer has room for it.
    """

    __slots__ = ("_credit", "_needs_credit")

    def __init__(self, answering: Answering, number: int, message: list[Any]) -> None:
        super().__init__(answering, number, message)
        self._credit: int = message[7]
        self._needs_credit = Sleeper()

    def add_credit(self, more: int) -> None:
        """Allow so many items more."""
        self._credit += more
        self._needs_credit.wake()

    def produce(self, items: AsyncIterator[Any]) -> None:
        """Send the items in a task of the connection, until the end, an error or a cancel."""
        self.serve(self._produce, items)

    def withdraw(self, error: Exception) -> None:
        """Make no more items, and let the reader know why."""
        self.fail(error)
        if self._on_cancel is not None:
            self._on_cancel()

    def answer(self, value: Any = None) -> None:
        """Say that there are no more items."""
        if not self.is_over:
            self.is_over = True
            self._answering.reply_end(self._number)

    async def _produce(self, items: AsyncIterator[Any]) -> None:
        try:
            while True:
                await self._wait_credit()
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
                self._credit -= 1
                self._answering.reply_item(self._number, item)
        finally:
            if hasattr(items, "aclose"):
                await items.aclose()

    async def _wait_credit(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._credit:
            await self._needs_credit.sleep()
        await self._answering.wait_room()
