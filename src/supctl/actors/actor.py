"""``Actor``: the class that Python actors derive from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Self

import trio

from supctl.exits import ExitReason
from supctl.specs.ignore import Ignore

from .ref import Ref


class Actor:
    """State that only one task touches, reached by messages.

    Public async methods are what others may call, one at a time, in order of arrival::

        class Counter(Actor):
            async def init(self) -> None:
                self.total = 0

            async def add(self, n: int) -> int:
                self.total += n
                return self.total

    An exception in a method goes to the caller of :meth:`~supctl.actors.ref.Ref.call`; in a
    cast, in :meth:`init` or in a task of its own it ends the actor, and its supervisor decides.
    """

    mailbox_capacity: ClassVar[int | None] = None
    """Messages that may wait before senders get MailboxFull; ``None`` is any number."""

    address: str = ""
    """Where it stands in its tree. Set before :meth:`init`."""

    _finished: bool = False
    _ref: Ref[Any]
    _nursery: trio.Nursery

    async def init(self) -> Ignore | None:
        """Prepare; the start has succeeded when this returns.

        An actor that finds that it is not needed returns :data:`supctl.IGNORE`: it does not run,
        and its supervisor goes on as if it did (OTP's ``ignore``).
        """
        return None

    async def terminate(self, reason: ExitReason) -> None:
        """Clean up before the end, orderly or by a crash; has the spec's ``grace``, then is
        cancelled. Not called when :meth:`init` has failed or has returned IGNORE."""

    @property
    def ref(self) -> Ref[Self]:
        """A reference to this life of the actor, to be handed to others."""
        return self._ref

    def finish(self) -> None:
        """End with the reason ``normal``, once the messages that wait already are handled."""
        self._finished = True
        self._ref.finish()

    def start_soon(self, task: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Run ``task`` beside the messages. It ends with the actor, and the actor with it
        if it raises."""
        self._nursery.start_soon(task, *args)
