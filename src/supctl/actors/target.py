"""What a reference refers to: an actor of this process, or one that lives elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from supctl.exits import ExitReason

from .trace import Traced

OnEnd = Callable[[ExitReason], object]
"""Is told why an actor has ended. Must not block, wait or raise."""


class Target(Protocol):
    """One life of an actor, wherever it lives. Compared and hashed by which life it is.

    :class:`~supctl.actors.ref.Reference` has checked method and arguments against ``kind``, if
    that is known, before it calls anything here.
    """

    @property
    def address(self) -> str:
        """The actor's address in its tree."""

    @property
    def kind(self) -> type[Any] | None:
        """The actor's class, if it is known here."""

    @property
    def reason(self) -> ExitReason | None:
        """Why that life ended; ``None`` while it lasts."""

    def call(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], timeout: float
    ) -> Coroutine[Any, Any, Any]:
        """Have a method called and return its result, or raise its error.

        Cancelling it cancels the method, and waits a second at most until that has stopped.
        ``describe`` may be called too, and goes before what waits already.

        Raises:
            ActorGone: it has ended, or ended before it answered.
            ActorTimeout: no answer within ``timeout`` seconds, which may be infinite; the method
                is cancelled.
            MailboxFull: too many messages wait already.
        """

    def cast(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Have a method called. Goes nowhere when the actor has ended.

        Raises:
            MailboxFull: too many messages wait already.
        """

    def stream(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """Return the items of a stream; it begins when the block is entered, and is cancelled
        when the block is left. It may be entered in one task and left in another.

        Raises (in the block): ActorGone and MailboxFull as :meth:`call` does, and what the
        stream raises.
        """

    def send(self, message: Any) -> None:
        """Have ``handle_info`` called with the message; else like :meth:`cast`."""

    def stop(self) -> None:
        """Ask it to end with the reason ``normal``, before it handles what waits."""

    def on_end(self, callback: OnEnd) -> Callable[[], object]:
        """Call ``callback`` once, when it ends; at once, if it has. Return what undoes that."""

    def link(self, other: Target) -> None:
        """Let this actor hear of the end of ``other`` as one that is linked to it.

        The other direction is asked of ``other``. Linking twice is linking once.
        """

    def unlink(self, other: Target) -> None:
        """Take :meth:`link` back."""

    def trace(self) -> AbstractAsyncContextManager[AsyncIterator[Traced]]:
        """Return what it handles from now on, a line for each message."""
