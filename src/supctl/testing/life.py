"""One life of an app, from its start to its end, as something that can be waited for."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from .output import Search
from .stage import Stage

_SETTLED: Final = 0.05
"""Seconds of silence after which a match at the very end of the output is taken as whole."""

_ENDING: Final = 1.0
"""Seconds between the end of a life and the end of its output, whichever comes first. A stranger
that holds the pipe may keep it open for ever, and a program may close it and live on."""


class CannotCome(Exception):
    """What is waited for cannot come any more; says why, as a phrase."""


@dataclass(frozen=True, slots=True)
class Life:
    """One life of an app.

    Args:
        stage: the tree it is part of.
        address: of the app.
        number: the first life is 1.
    """

    stage: Stage
    address: str
    number: int

    @property
    def is_simulated(self) -> bool:
        """Whether it runs in virtual time, without ports."""
        return self.stage.is_simulated

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.stage.record.is_over(self.address, self.number)

    def check(self) -> None:
        """Raise :class:`CannotCome` if it is over."""
        if self.is_over:
            raise CannotCome(f"it has ended: {self.stage.record.last_end[self.address][1]}")

    async def unless_over(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Return when ``wait`` does. Raises CannotCome as soon as the life is over."""
        self.check()
        error: Exception | None = None
        done = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_at_end, nursery.cancel_scope)
            try:
                await wait()
                done = True
            except Exception as raised:
                error = raised  # carried past the nursery, which would put it in a group
            nursery.cancel_scope.cancel()
        if error is not None:
            raise error
        if not done:
            self.check()

    async def _cancel_at_end(self, scope: trio.CancelScope) -> None:
        await self.stage.bell.until(lambda: self.is_over or None)
        scope.cancel()

    async def find(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Return the first match in its output. Cancelling is harmless.

        Raises:
            CannotCome: all its output has come, and there is none.
        """
        streams = self.stage.outputs.streams(self.address).values()
        searches = [Search(stream, pattern, self.number) for stream in streams]
        while True:
            was_over = self.is_over  # before looking: what it printed last is looked at
            found = await _look(searches)
            if found is not None and not found.is_open:
                assert found.match is not None
                return found.match
            is_all = all(search.is_ended for search in searches)
            if is_all:
                self.check()
            patience = _SETTLED if found else _ENDING if is_all or was_over else math.inf
            with trio.move_on_after(patience) as silence:
                await self._wait_news(searches, was_over)
            if silence.cancelled_caught:
                if found is not None and found.match is not None:
                    return found.match
                self.check()
                raise CannotCome("it has closed its output")

    async def last_words(self) -> None:
        """Return when all its output has come, if it is over; within a second. Never fails."""
        outputs = self.stage.outputs
        if self.is_over:
            with trio.move_on_after(_ENDING):
                await self.stage.bell.until(
                    lambda: outputs.is_ended(self.address, self.number) or None
                )

    async def _wait_news(self, searches: list[Search], was_over: bool) -> None:
        before = [search.is_ended for search in searches]

        def is_new() -> bool | None:
            after = [search.is_ended for search in searches]
            has_more = any(search.has_more for search in searches)
            return has_more or after != before or self.is_over != was_over or None

        await self.stage.bell.until(is_new)


async def _look(searches: list[Search]) -> Search | None:
    """Look at all that has come; return a search that has a match, rather one that is whole."""
    for search in searches:
        while search.has_more:
            search.advance()
            if search.match is not None and not search.is_open:
                return search
            await trio.lowlevel.checkpoint()  # gigabytes may lie there
    return next((search for search in searches if search.match is not None), None)
