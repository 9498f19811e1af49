"""An async function as a worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, ClassVar

from .actor import Actor


class FunctionActor(Actor):
    """Runs a function: it is up at once, ends with the reason ``normal`` when the function returns
    and crashes when that raises. When it is stopped, the function is cancelled."""

    _function: ClassVar[Callable[..., Awaitable[Any]]]

    @staticmethod
    @cache
    def of(function: Callable[..., Awaitable[Any]]) -> type[FunctionActor]:
        """Return the class of actors that run this function."""
        name = getattr(function, "__name__", repr(function))
        return type(name, (FunctionActor,), {"_function": staticmethod(function)})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._args, self._kwargs = args, kwargs

    async def init(self) -> None:
        self.start_soon(self._run)

    async def _run(self) -> None:
        await self._function(*self._args, **self._kwargs)
        self.finish()
