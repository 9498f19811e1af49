"""Timers: messages that an actor sends to itself later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import trio

from .message import Message

if TYPE_CHECKING:
    from .actor import Actor
    from .mailbox import Mailbox


class Timer(Message):
    """A message that comes later, once or again and again. It is a message itself: at most one
    of it waits in the mailbox, and none comes once it was cancelled.

    Args:
        message: what ``handle_info`` gets.
        mailbox: where it waits.
        every: seconds from one to the next; ``None`` if there is only one.
    """

    __slots__ = ("_every", "_is_waiting", "_mailbox", "_scope", "args", "is_over")

    is_own: ClassVar[bool] = True

    def __init__(self, message: Any, mailbox: Mailbox, every: float | None) -> None:
        self.args = (message,)
        self._mailbox, self._every = mailbox, every
        self._scope = trio.CancelScope()
        self._is_waiting = self.is_over = False

    def cancel(self) -> None:
        """Let no more messages come, not even one that waits already. May be repeated."""
        self.is_over = True
        self._scope.cancel()

    async def run(self, seconds: float) -> None:
        """Send the messages, the first in so many seconds.

        They keep the pace that they began with. One that is due while the one before still waits
        is left out: an actor that is too slow gets fewer, not ever more.
        """
        due_at = trio.current_time() + seconds
        with self._scope:
            while True:
                await trio.sleep_until(due_at)
                if not self._is_waiting:
                    self._is_waiting = True
                    self._mailbox.put_own(self)
                if self._every is None:
                    return
                due_at += self._every

    async def deliver(self, actor: Actor) -> None:
        self._is_waiting = False
        await actor.handle_info(*self.args)
