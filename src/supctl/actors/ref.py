"""A reference: how everybody but its own supervisor reaches an actor."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import trio

from supctl.errors import ActorGone, ActorTimeout
from supctl.exits import ExitReason

from .mailbox import Mailbox

A = TypeVar("A")

DEFAULT_TIMEOUT = 5.0
"""Seconds a call waits for its answer, as in OTP's ``gen_server:call/2``."""


@dataclass(slots=True, eq=False)
class Call:
    """A method to be called; with ``answer`` when somebody waits for the result."""

    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    answer: Answer | None = None


@dataclass(slots=True, eq=False)
class Answer:
    """Where the result of a call is put, once."""

    done: trio.Event = field(default_factory=trio.Event)
    value: Any = None
    error: BaseException | None = None


@dataclass(slots=True, eq=False)
class Life:
    """What is shared by an actor's runner and all references to it."""

    address: str
    mailbox: Mailbox[Call | None]
    ended: trio.Event = field(default_factory=trio.Event)
    reason: ExitReason | None = None


class Ref(Generic[A]):
    """A reference to one life of an actor.

    When that life has ended the reference stays behind with it: calls raise
    :class:`~supctl.errors.ActorGone`, casts go nowhere.
    """

    __slots__ = ("_life",)

    def __init__(self, life: Life) -> None:
        self._life = life

    @property
    def address(self) -> str:
        """The actor's address in its tree."""
        return self._life.address

    @property
    def reason(self) -> ExitReason | None:
        """Why it ended; ``None`` while it lives."""
        return self._life.reason

    async def call(
        self, method: str, *args: Any, timeout: float = DEFAULT_TIMEOUT, **kwargs: Any
    ) -> Any:
        """Call a method and return its result.

        An exception of the method is raised here and does not end the actor. Cancelling
        gives up the answer; the method may still run.

        Args:
            timeout: seconds to wait for the answer; :data:`math.inf` waits as long as it lives.

        Raises:
            ActorTimeout: no answer in time.
            ActorGone: the actor has ended, or ended before it answered.
            MailboxFull: too many messages wait already.
        """
        if self._life.reason is not None:
            raise ActorGone(self.address, str(self._life.reason))
        answer = Answer()
        self._life.mailbox.put(Call(method, args, kwargs, answer))
        with trio.move_on_after(timeout) if timeout < math.inf else trio.CancelScope():
            await answer.done.wait()
            if answer.error is not None:
                raise answer.error
            return answer.value
        raise ActorTimeout(self.address, method, timeout)

    def cast(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Have a method called and do not wait. Goes nowhere when the actor has ended.

        Raises:
            MailboxFull: too many messages wait already.
        """
        if self._life.reason is None:
            self._life.mailbox.put(Call(method, args, kwargs))

    def finish(self) -> None:
        """Let the actor end when it has handled what waits. For the actor itself."""
        self._life.mailbox.put(None)

    async def wait(self) -> ExitReason:
        """Return why it ended, once it has. Cancelling is harmless."""
        await self._life.ended.wait()
        assert self._life.reason is not None
        return self._life.reason
