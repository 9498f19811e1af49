"""An async function as a worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from .actor import Actor


class FunctionActor(Actor):
    """Runs a function: it is up at once, ends with the reason ``normal`` when the function returns
    and crashes when that raises. When it is stopped, the function is cancelled.

    Args:
        function: what is run.
        args, kwargs: its arguments.
    """

    def __init__(
        self,
        function: Callable[..., Awaitable[Any]],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        self.function = partial(function, *args, **kwargs)

    async def init(self) -> None:
        self.start_soon(self._run)

    async def _run(self) -> None:
        await self.function()
        self.finish()
