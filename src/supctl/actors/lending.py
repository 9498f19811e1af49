"""Async generators as arguments, within a process: lent for the length of the call.

As between processes, so that where an actor lives makes no difference: see
:mod:`supctl.ipc.lending`. Other async iterables are just objects here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any

from supctl.errors import CannotEncode
from supctl.ipc.codec import ONLY_LENT
from supctl.ipc.lending import Loan

from .call import Call
from .stream import Stream

if TYPE_CHECKING:
    from .life import Life


def lends(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether any of these arguments is to be lent."""
    for value in args:  # no generator expression: every call asks
        if type(value) is AsyncGeneratorType:
            return True
    return bool(kwargs) and AsyncGeneratorType in map(type, kwargs.values())


def refuse_to_lend(args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise CannotEncode if one of these is to be lent: nobody waits until it has been read."""
    if lends(args, kwargs):
        placed = {f"args[{index}]": value for index, value in enumerate(args)}
        placed |= {f'kwargs["{name}"]': value for name, value in kwargs.items()}
        place = next(place for place in placed if type(placed[place]) is AsyncGeneratorType)
        raise CannotEncode(place, "async_generator", ONLY_LENT)


async def call_lending(
    life: Life, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], timeout: float
) -> Any:
    """Call a method, and take back what it was lent when that is over."""
    async with AsyncExitStack() as stack:
        args, kwargs = _lent(stack, args, kwargs)
        return await Call(life, method, args, kwargs).wait(timeout)


@asynccontextmanager
async def stream_lending(
    life: Life, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> AsyncIterator[AsyncIterator[Any]]:
    """Read a stream, and take back what its method was lent when that is over."""
    async with AsyncExitStack() as stack:
        args, kwargs = _lent(stack, args, kwargs)
        yield await stack.enter_async_context(Stream(life, method, args, kwargs))


def _lent(
    stack: AsyncExitStack, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments as the method gets them."""

    def lent(value: Any) -> Any:
        if type(value) is not AsyncGeneratorType:
            return value
        loan = Loan(value)
        stack.push_async_callback(loan.end)
        return loan

    return [lent(value) for value in args], {name: lent(kwargs[name]) for name in kwargs}
