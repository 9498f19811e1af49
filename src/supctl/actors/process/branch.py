"""A branch: a process below this one, as those see it who talk to its actors."""

from __future__ import annotations

import trio

from supctl.errors import ActorDied, ActorGone
from supctl.exits import ExitKind, ExitReason
from supctl.ipc import Connection
from supctl.ipc.deadlines import current_deadlines

PATIENCE = 2.0
"""Seconds that those who were cut off wait to learn how the process ended."""


class Branch:
    """A process below this one.

    Args:
        place: where it is.
        address: of the actor that it was started for.

    Attributes:
        connection: to it, from when it has been opened until the process has ended.
        number: of that actor, once it is up.
        has_ended: whether the process is gone.
    """

    def __init__(self, place: tuple[int, ...], address: str) -> None:
        self.place, self.address = place, address
        self.connection: Connection | None = None
        self.number = 0
        self.has_ended = False
        self._settled = trio.Event()
        self._is_waited_for = False
        self._reason = ExitReason(ExitKind.LOST, detail="its process has ended")
        self._last_words = ""
        self._died = False

    def end(self, reason: ExitReason, last_words: str, *, died: bool) -> None:
        """Know how it ended.

        Args:
            reason: for its supervisor.
            last_words: the last lines of its standard error.
            died: whether the process ended without a word.
        """
        self._reason, self._last_words, self._died = reason, last_words, died
        self.has_ended, self.connection = True, None
        self._settled.set()

    def expire(self, timeout: float) -> None:
        """Let those go who were cut off: they have waited for long enough."""
        self._settled.set()

    async def epitaph(self, address: str) -> ActorGone:
        """Return the error for who was cut off from an actor of it, once it is known."""
        await self._settle()
        return self.gone(address)

    def gone(self, address: str) -> ActorGone:
        """Return the error for who asks for an actor of it now, when it is over."""
        if self._died:
            return ActorDied(address, str(self._reason), self._last_words)
        return ActorGone(address, str(self._reason))

    async def reason_of(self, number: int) -> ExitReason:
        """Return why an actor of it ended, once that is known."""
        await self._settle()
        return self.end_of(number)

    async def _settle(self) -> None:
        # One deadline for all: there may be a thousand, and the next process waits for its turn.
        if not self._is_waited_for:
            self._is_waited_for = True
            current_deadlines().add(self, PATIENCE)
        await self._settled.wait()

    def end_of(self, number: int) -> ExitReason:
        """Return why an actor of it ended, when it is over; what else lived there was lost."""
        if number == self.number:
            return self._reason
        return ExitReason(ExitKind.LOST, detail=f"its process has ended: {self._reason}")
