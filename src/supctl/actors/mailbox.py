"""A mailbox: where messages wait for the one task that takes them out."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final, TypeAlias

import trio

from supctl.errors import InvalidConfig, MailboxFull
from supctl.specs.policy import check_count

from .call import Question
from .message import End, Message

Item: TypeAlias = Question | Message | End

TURNS: Final = 16
"""Messages that are taken without letting other tasks run, if they come that fast."""


class Policy(StrEnum):
    """What happens when a message comes and the mailbox is full."""

    WAIT = "wait"
    """Who calls waits, as it waits for the answer anyhow; who casts gets MailboxFull."""
    REFUSE = "refuse"
    """Who sends gets MailboxFull."""
    DROP_OLDEST = "drop_oldest"
    """The oldest is dropped; if it was a call, its caller gets MailboxFull."""


def check_bounds(capacity: int | None, policy: str) -> None:
    """Refuse what cannot limit a mailbox.

    Raises:
        InvalidConfig: naming the attribute of the actor's class.
    """
    if capacity is not None:
        check_count("mailbox_capacity", capacity, 1)
    if policy not in [*Policy]:
        names = ", ".join(repr(str(known)) for known in Policy)
        raise InvalidConfig("mailbox_policy", policy, f"one of {names}")


class Mailbox:
    """Messages in order of arrival, urgent ones first, for one reader.

    Made lean, as a tree of a thousand apps has a thousand: while its reader waits it holds
    the waiting task and nothing else.

    Args:
        owner: address for the error.
    """

    __slots__ = ("_capacity", "_messages", "_owner", "_policy", "_reader", "_turns", "_urgent")

    def __init__(self, owner: str = "") -> None:
        self._owner = owner
        self._capacity: int | None = None
        self._policy = Policy.WAIT
        self._messages: deque[Item] | None = None
        self._urgent: deque[Item] | None = None
        self._reader: trio.lowlevel.Task | None = None
        self._turns = 0

    def bound(self, capacity: int | None, policy: Policy) -> None:
        """Limit the messages that may wait from now on; ``None`` is any number."""
        self._capacity, self._policy = capacity, policy

    def __len__(self) -> int:
        return len(self._messages or ()) + len(self._urgent or ())

    def put(self, message: Item, *, waits: bool = False) -> None:
        """Add a message. Never waits. To be called in the trio thread.

        Args:
            message: what is added.
            waits: whether its sender waits for an answer, and so will not send many more.

        Raises:
            MailboxFull: it is full, and that is its policy.
        """
        if self._messages is None:
            self._messages = deque()
        elif self._capacity is not None and len(self._messages) >= self._capacity:
            self._make_room(self._messages, self._capacity, waits)
        self._messages.append(message)
        self._wake()

    def put_own(self, message: Item) -> None:
        """Add a message of the actor's own, however many wait."""
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        self._wake()

    def put_urgent(self, message: Item) -> None:
        """Add a message that goes before all that are not urgent, however many wait."""
        if self._urgent is None:
            self._urgent = deque()
        self._urgent.append(message)
        self._wake()

    async def get(self) -> Item:
        """Wait for a message and take it. Cancelling loses none."""
        while not self._messages and not self._urgent:
            self._turns = 0
            self._messages = self._urgent = None
            self._reader = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        if self._turns < TURNS:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:  # a full mailbox must not starve the others
            self._turns = 0
            await trio.lowlevel.checkpoint()
        self._turns += 1
        return self.take()

    def next(self) -> Item | None:
        """Take a message without waiting, or even looking whether one is cancelled.

        None if there is none, or it is the others' turn: then it takes :meth:`get`.
        """
        if self._turns < TURNS and (self._messages or self._urgent):
            self._turns += 1
            return self.take()
        return None

    def take(self) -> Item:
        """Take a message that is there.

        Raises:
            IndexError: none is.
        """
        if self._urgent:
            return self._urgent.popleft()
        if self._messages is None:
            raise IndexError("the mailbox is empty")
        return self._messages.popleft()

    def _make_room(self, messages: deque[Item], capacity: int, waits: bool) -> None:
        if waits and self._policy is Policy.WAIT:
            return
        live = [message for message in messages if isinstance(message, End) or not message.is_over]
        messages.clear()
        messages.extend(live)
        if len(messages) < capacity:
            return
        full = MailboxFull(self._owner, capacity)
        if self._policy is not Policy.DROP_OLDEST:
            raise full
        for message in messages:
            if not (isinstance(message, End) or (isinstance(message, Message) and message.is_own)):
                messages.remove(message)
                message.fail(full)
                return

    def _wake(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            trio.lowlevel.reschedule(reader)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._reader = None
        return trio.lowlevel.Abort.SUCCEEDED
