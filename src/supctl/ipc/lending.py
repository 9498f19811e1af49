"""Async iterables as arguments: lent to whoever is called, for the length of the call.

What is sent is the number of a loan. Who has been called asks for its items as for any stream,
so they are made no faster than they are read.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import copy_context
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, Final

import trio

from supctl.errors import LoanOver

from .extensions import Lent

if TYPE_CHECKING:
    from .producing import StreamRequest
    from .request import Target

ITEMS: Final = "$items"
"""The method of a request for the items of a loan; its target is the number."""

PATIENCE: Final = 1.0
"""Seconds for which the end of a call waits until what it has lent is closed."""


class Loan:
    """An async iterable while another reads it: an iterator that can be taken back.

    It is closed in the end if nobody else would close it: a generator, or the iterator of
    something that makes one. What is its own iterator, as a channel is, belongs to its owner.

    Args:
        lent: what is read, in the context of who lends it.

    Raises:
        LoanOver: it is a generator that has ended.
        TypeError: it cannot be iterated over.
    """

    def __init__(self, lent: AsyncIterable[Any]) -> None:
        if isinstance(lent, AsyncGeneratorType) and lent.ag_frame is None:
            raise LoanOver
        self._iterator = aiter(lent)
        self._wants_closing = self._iterator is not lent or isinstance(lent, AsyncGenerator)
        self._context = copy_context()
        self._request: StreamRequest | None = None
        self._is_over = self._is_read = self._is_closing = False
        self._closed = trio.Event()

    def __aiter__(self) -> Loan:
        return self

    async def __anext__(self) -> Any:
        if self._is_over:
            raise LoanOver
        self._is_read = True
        try:
            return await anext(self._iterator)
        finally:
            self._is_read = False
            if self._is_over:
                await self.aclose()

    async def aclose(self) -> None:
        """Read no more, and close what was lent."""
        self._is_over = True
        if self._is_closing:
            return
        self._is_closing = True
        try:
            if self._wants_closing and hasattr(self._iterator, "aclose"):
                await self._iterator.aclose()
        finally:
            self._closed.set()

    def produce(self, request: StreamRequest) -> None:
        """Send the items to a peer. Raises LoanOver if it has asked for them before."""
        if self._request is not None or self._is_over:
            raise LoanOver
        self._request = request
        self._context.run(request.produce, self)

    async def end(self) -> None:
        """Take it back; whoever reads on gets :class:`~supctl.errors.LoanOver`.

        It is closed then, unless it is just being read by who does not heed a cancel.
        """
        self._is_over = True
        if self._request is not None:
            self._request.withdraw(LoanOver())
        if not self._is_read:
            await self.aclose()
        with trio.move_on_after(PATIENCE, shield=True):
            await self._closed.wait()


class Loans:
    """What one side of a connection lends to the other.

    Args:
        is_lendable: whether a value is sent by lending it.
    """

    def __init__(self, is_lendable: Callable[[Any], bool]) -> None:
        self._is_lendable = is_lendable
        self._loans: dict[Target, Loan] = {}  # by number, which count up from 1
        self._last_number = 0

    def are_wanted(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether any of these arguments has to be lent."""
        return any(map(self._is_lendable, args)) or any(map(self._is_lendable, kwargs.values()))

    @asynccontextmanager
    async def lent(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[tuple[list[Any], dict[str, Any]]]:
        """Lend what is lent of these arguments for the length of the block; yield what is sent."""
        async with AsyncExitStack() as stack:

            def sent(value: Any) -> Any:
                if not self._is_lendable(value):
                    return value
                loan = Loan(value)
                number = self._last_number = self._last_number + 1
                self._loans[number] = loan
                stack.push_async_callback(loan.end)
                stack.callback(self._loans.pop, number)
                return Lent(number)

            yield [sent(value) for value in args], {name: sent(kwargs[name]) for name in kwargs}

    def produce(self, request: StreamRequest) -> None:
        """Send the items of the loan that is meant. Raises LoanOver."""
        loan = self._loans.get(request.target)
        if loan is None:
            raise LoanOver
        loan.produce(request)
