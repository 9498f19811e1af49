"""The actor that calls a plain function: a member of a pool of functions."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import trio

from supctl.errors import InvalidConfig

from .actor import Actor
from .chunk import Outcome, call_each

APPLY: Final = "apply"
"""The method that calls the function."""


class Applier(Actor):
    """Calls a function. A sync one is called in a thread, so that the process it lives in hears
    what else it is told; one that is cancelled runs to its end there, and nobody waits for it.

    Args:
        function: itself, or its place as ``"module:function"``.
        args, kwargs: handed to it before those of each call.
    """

    def __init__(self, function: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> None:
        found = load_function(function) if isinstance(function, str) else function
        self.is_async = inspect.iscoroutinefunction(found)
        self.function = partial(found, *args, **kwargs)

    async def apply(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        if self.is_async:
            return await self.function(*args, **kwargs)
        call = partial(self.function, *args, **kwargs)
        return await trio.to_thread.run_sync(call, abandon_on_cancel=True)

    async def call_each(self, method: str, items: Sequence[Any]) -> Outcome:
        if self.is_async:
            return await call_each(self.function, items)
        left = list(reversed(items))
        try:
            return await trio.to_thread.run_sync(self._call_each, left, abandon_on_cancel=True)
        finally:
            left.clear()  # nobody waits for the others, if it was cancelled

    def _call_each(self, left: list[Any]) -> Outcome:
        results: list[Any] = []
        try:
            while left:
                results.append(self.function(left.pop()))
        except Exception as error:
            return results, error
        return results, None


def load_function(place: str) -> Callable[..., Any]:
    """Return the function at a place.

    Raises:
        InvalidConfig: there is none.
    """
    module, _, names = place.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        wanted = f"a function that can be imported ({error})"
        raise InvalidConfig("actor", place, wanted) from error
    if not callable(found):
        raise InvalidConfig("actor", place, "a function")
    return found  # type: ignore[no-any-return]
