"""What a call through a reference gives before it is decided how it is read.

``ref.ticks(10)`` cannot know whether it will be awaited or iterated over.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import AsyncIterator, Coroutine, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final, Self

import trio

from .interface import method_of
from .target import Target

DEFAULT_TIMEOUT: Final = 5.0
"""Seconds a call waits for its answer, as in OTP's ``gen_server:call/2``."""

_log = logging.getLogger("supctl.actors")


def check(
    target: Target, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, stream: bool
) -> None:
    """Refuse what cannot work, as far as the actor's class is known here.

    Raises:
        UnknownMethod: others may not call it, or it does not exist.
        IsStream, IsNoStream: it is asked for in the wrong way.
        TypeError: the arguments do not fit.
    """
    if target.kind is not None:
        method_of(target.kind, method).check(args, kwargs, stream=stream)


def call(
    target: Target, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], timeout: float
) -> Coroutine[Any, Any, Any]:
    """Check a call and return what makes it."""
    check(target, method, args, kwargs, stream=False)
    return target.call(method, args, kwargs, timeout)


class Asked(Coroutine[Any, Any, Any]):
    """A method of an actor with its arguments: await it, or iterate over it if it is a stream.

    To trio it is a coroutine, so that a nursery can start it.
    """

    __slots__ = ("_args", "_call", "_kwargs", "_method", "_target", "_used")

    def __init__(self, target: Target, method: str, /, *args: Any, **kwargs: Any) -> None:
        self._target, self._method, self._args, self._kwargs = target, method, args, kwargs
        self._call: Coroutine[Any, Any, Any] | None = None
        self._used = False

    def __await__(self) -> Generator[Any, Any, Any]:
        self._used = True
        made = call(self._target, self._method, self._args, self._kwargs, DEFAULT_TIMEOUT)
        return made.__await__()

    def send(self, value: Any) -> Any:
        """Go on with the call, as its loop does."""
        if self._call is None:
            self._used = True
            self._call = call(self._target, self._method, self._args, self._kwargs, DEFAULT_TIMEOUT)
        return self._call.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an error where it waits, as its loop does."""
        if self._call is None:
            self._used = True
            raise error[-1]
        return self._call.throw(*error)

    def close(self) -> None:
        """Give the call up."""
        self._used = True
        if self._call is not None:
            self._call.close()

    def __aiter__(self) -> Reading:
        self._used = True
        return Reading(self._target, self._method, self._args, self._kwargs)

    def __del__(self) -> None:
        if not self._used:
            told = f"{self._method} of {self._target.address} was never awaited; nothing was sent"
            warnings.warn(told, RuntimeWarning, stacklevel=2)


class Reading:
    """A stream that is read: ``async with`` it, or just ``async for``.

    The method begins when the block is entered, or the first item asked for. It is cancelled when
    the block is left, or, without one, when nobody holds this any more, as after ``break``.
    """

    __slots__ = ("_args", "_context", "_items", "_kwargs", "_method", "_target")

    def __init__(
        self, target: Target, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._context: AbstractAsyncContextManager[AsyncIterator[Any]] | None = None
        self._items: AsyncIterator[Any] | None = None
        self._target, self._method, self._args, self._kwargs = target, method, args, kwargs
        check(target, method, args, kwargs, stream=True)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        context, self._context = self._context, None
        if context is not None:
            await context.__aexit__(*exc_info)

    async def aclose(self) -> None:
        """Leave it."""
        await self.__aexit__(None, None, None)

    async def _open(self) -> AsyncIterator[Any]:
        context = self._target.stream(self._method, self._args, self._kwargs)
        self._items = await context.__aenter__()
        self._context = context
        return self._items

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        items = self._items or await self._open()
        try:
            return await anext(items)
        except (Exception, StopAsyncIteration):
            await self.__aexit__(None, None, None)
            raise

    def __del__(self) -> None:
        if self._context is not None:
            with suppress(RuntimeError):  # no loop runs any more, nor does the stream
                trio.lowlevel.spawn_system_task(_leave, self._context)


async def _leave(context: AbstractAsyncContextManager[Any]) -> None:
    try:
        await context.__aexit__(None, None, None)
    except Exception:
        _log.warning("a stream that was left failed to close", exc_info=True)
