"""What a peer has lent to us with a call, as the method that was called sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supctl.errors import CannotDecode

from .lending import ITEMS

if TYPE_CHECKING:
    from .caller import Caller
    from .waiting import Items


class Borrowed:
    """An async iterator of the items that the caller's iterable yields; for one task.

    What the caller's iterable raises, it raises. When the call is over it raises
    :class:`~supctl.errors.LoanOver`, when the connection is, ``ConnectionLost``.

    Args:
        caller: what asks the peer.
        number: of the loan.
    """

    def __init__(self, caller: Caller, number: Any) -> None:
        if type(number) is not int:
            raise CannotDecode(f"a loan of number {number!r:.40}", "an integer")
        self._caller, self._loan = caller, number
        self._request = 0
        self._items: Items | None = None
        self._is_closed = False

    def __aiter__(self) -> Borrowed:
        return self

    async def __anext__(self) -> Any:
        """Return the next item. Cancelling loses none."""
        if self._is_closed:
            raise StopAsyncIteration
        if self._items is None:
            await self._caller.wait_room()
            self._request, self._items = self._caller.begin_stream(self._loan, ITEMS)
        return await anext(self._items)

    async def aclose(self) -> None:
        """Read no more: the caller's iterable is closed, and not only when the call is over."""
        self._is_closed = True
        if self._items is not None:
            await self._caller.leave_stream(self._request, self._items)
