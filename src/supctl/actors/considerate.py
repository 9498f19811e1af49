"""The mailbox of an actor with a process of its own: answers leave before what may take long."""

from __future__ import annotations

from time import perf_counter
from typing import Final

import trio

from .mailbox import TURNS, Item, Mailbox

_SHORT: Final = 0.0005
"""Seconds. To have answers sent costs less than a tenth of that."""


class ConsiderateMailbox(Mailbox):
    """Lets the answers to earlier messages be sent before a message whose handling may take long,
    or end the process: they would be late, or lost with it.

    Not between messages for methods that were short when they were called last: there are many of
    those, and a turn of the loop costs more than they do.
    """

    __slots__ = ("_method", "_short", "_taken_at")

    def __init__(self, owner: str = "") -> None:
        super().__init__(owner)
        self._short = {""}  # methods, and what is the last message
        self._method = ""  # of the message that was taken last
        self._taken_at = 0.0

    def next(self) -> Item | None:
        now = perf_counter()
        if now - self._taken_at >= _SHORT:
            self._short.discard(self._method)
        elif self._method not in self._short:
            self._short.add(self._method)
        messages = self._urgent or self._messages
        if not messages or self._turns >= TURNS:
            return None
        method = getattr(messages[0], "method", "")
        if method not in self._short:
            return None
        self._turns += 1
        self._method, self._taken_at = method, now
        return messages.popleft()

    async def get(self) -> Item:
        messages = self._urgent or self._messages
        if messages and self._turns and getattr(messages[0], "method", "") not in self._short:
            await trio.lowlevel.checkpoint()
            self._turns = TURNS  # once more: in the first turn the writer may come after us
        message = await super().get()
        self._method, self._taken_at = getattr(message, "method", ""), perf_counter()
        return message
