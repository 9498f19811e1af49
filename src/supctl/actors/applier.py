"""The actor that calls a plain function: a member of a pool of functions."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import trio

from supctl.specs.place import found_at

from .actor import Actor
from .chunk import Outcome, call_each

APPLY: Final = "apply"
"""The method that calls the function."""


class Applier(Actor):
    """Calls a function: an async one as it is; a sync one, if it is named by its place, right here,
    in the way of all else, as this process is there for nothing else; and one that is given itself
    in a thread, as others live here too. Nobody waits for a thread once its call is cancelled.

    Args:
        function: itself, or its place as ``"module:function"``.
        args, kwargs: handed to it before those of each call.
    """

    def __init__(self, function: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> None:
        found = found_at(function) if isinstance(function, str) else function
        self.function: Callable[..., Awaitable[Any]] = partial(found, *args, **kwargs)
        self._blocks = isinstance(function, str) and not inspect.iscoroutinefunction(found)
        if not inspect.iscoroutinefunction(found):
            runner = _run_here if isinstance(function, str) else _run_in_thread
            self.function = partial(runner, self.function)

    async def apply(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        if self._blocks:
            await _send_answers()
        return await self.function(*args, **kwargs)

    async def call_each(self, method: str, items: Sequence[Any]) -> Outcome:
        if self._blocks:
            await _send_answers()
        return await call_each(self.function, items)


async def _send_answers() -> None:
    """Let the answers to earlier calls be sent: this one may take long, or end the process, and
    they would be late or lost with it."""
    for _ in range(2):  # in the first turn the writer may come after us
        await trio.lowlevel.checkpoint()


async def _run_here(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


async def _run_in_thread(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    call = partial(function, *args, **kwargs)
    return await trio.to_thread.run_sync(call, abandon_on_cancel=True)
