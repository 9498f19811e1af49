"""A mailbox: where messages wait for the one task that takes them out."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import trio

from supctl.errors import MailboxFull

M = TypeVar("M")


class Mailbox(Generic[M]):
    """Messages in order of arrival, for one reader.

    Made lean, as a tree of a thousand apps has a thousand: while its reader waits it holds
    the waiting task and nothing else.

    Args:
        owner: address for the error.
        capacity: messages that may wait; ``None`` is any number.
    """

    __slots__ = ("_capacity", "_messages", "_owner", "_reader")

    def __init__(self, owner: str = "", capacity: int | None = None) -> None:
        self._owner, self._capacity = owner, capacity
        self._messages: deque[M] | None = None
        self._reader: trio.lowlevel.Task | None = None

    def __len__(self) -> int:
        return len(self._messages or ())

    def put(self, message: M) -> None:
        """Add a message. Never waits. To be called in the trio thread.

        Raises:
            MailboxFull: ``capacity`` messages wait already.
        """
        if self._messages is None:
            self._messages = deque()
        elif self._capacity is not None and len(self._messages) >= self._capacity:
            raise MailboxFull(self._owner, self._capacity)
        self._messages.append(message)
        if self._reader is not None:
            reader, self._reader = self._reader, None
            trio.lowlevel.reschedule(reader)

    async def get(self) -> M:
        """Wait for a message and take it. Cancelling loses none."""
        while not self._messages:
            self._messages = None
            self._reader = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        await trio.lowlevel.checkpoint_if_cancelled()
        return self.take()

    def take(self) -> M:
        """Take a message that is there.

        Raises:
            IndexError: none is.
        """
        if self._messages is None:
            raise IndexError("the mailbox is empty")
        return self._messages.popleft()

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._reader = None
        return trio.lowlevel.Abort.SUCCEEDED
