"""Tracing: what one actor handles, message by message, while somebody looks."""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import trio

from supctl.ipc.registry import message
from supctl.ipc.waiting import Sleeper

LIMIT: Final = 1000
"""Lines that wait for a slow reader before it misses the oldest."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlevel = 3


@message
@dataclass(frozen=True, slots=True)
class Traced:
    """One message that an actor has handled.

    Attributes:
        method: what was called; ``handle_info`` for a message that is no call.
        args: its arguments as text, shortened.
        seconds: how long it took.
        outcome: ``ok``, ``cancelled``, or the error as text.
        missed: messages handled before this one that a slow reader has missed.
    """

    method: str
    args: str
    seconds: float
    outcome: str
    missed: int = 0

    def __str__(self) -> str:
        missed = f"... {self.missed} missed ...\n" if self.missed else ""
        return (
            f"{missed}{self.method}({self.args}) took {self.seconds * 1e3:.2f} ms: {self.outcome}"
        )


class Trace(Sleeper):
    """One reader's lines, from the moment it began to look until the actor ends."""

    __slots__ = ("_is_over", "_limit", "_lines", "_missed")

    def __init__(self, limit: int = LIMIT) -> None:
        super().__init__()
        self._limit = limit
        self._lines: deque[Traced] = deque()
        self._missed = 0
        self._is_over = False

    def add(self, line: Traced) -> None:
        """Add a line; drops the oldest if too many wait."""
        if len(self._lines) >= self._limit:
            self._lines.popleft()
            self._missed += 1
        self._lines.append(line)
        self.wake()

    def end(self) -> None:
        """Let the reader come to its end once it has read what waits."""
        self._is_over = True
        self.wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Traced:
        """Return the next line. Cancelling loses none."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._lines:
            if self._is_over:
                raise StopAsyncIteration
            await self.sleep()
        line, missed = self._lines.popleft(), self._missed
        self._missed = 0
        if missed:
            return Traced(line.method, line.args, line.seconds, line.outcome, missed)
        return line


def short(value: Any) -> str:
    """Return a value as people see it, cut to a sane length, whatever its own code does."""
    try:
        return _short.repr(value)
    except Exception as error:
        return f"<{type(value).__name__} without text: {type(error).__name__}>"


def short_args(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return arguments as they would be written in a call, each cut to a sane length."""
    return ", ".join(
        [*map(short, args), *(f"{name}={short(value)}" for name, value in kwargs.items())]
    )
