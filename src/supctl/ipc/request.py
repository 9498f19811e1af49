"""What a peer asks of us, and how it is answered."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import trio

from supctl.errors import ActorTimeout

if TYPE_CHECKING:
    from .answering import Answering

Target: TypeAlias = str | int
"""Who is meant: a name or a number, of which ipc knows nothing more."""


class Service(Protocol):
    """What a connection gives a peer access to. Nothing here may block or wait.

    What ``call`` and ``stream`` raise is the answer.
    """

    def call(self, request: Request) -> None:
        """Take a request, and see to it that it is answered, now or later.

        ``request.answer`` at once costs no task; ``request.serve`` runs an async function in a
        task of the connection; and whoever keeps the request may answer it at any time.
        """

    def stream(self, request: Request) -> AsyncIterator[Any]:
        """Return what makes the items that were asked for. It is read as fast as the peer is."""

    def cast(self, target: Target, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Take a message to which there is no answer."""

    def cast_failed(self, target: Target, method: str, error: Exception) -> None:
        """Be told of a cast that could not be read, or that ``cast`` raised an error for."""


class Request:
    """A call of a peer's. It has to be answered once; later answers are ignored.

    Attributes:
        target: who is meant.
        method: what it is to do.
        args: positional arguments.
        kwargs: keyword arguments.
        chain: who waits for the answer, by name, each waiting for the one before; of the caller's
            making, and ``None`` if the caller says nothing of it.
        deadline: trio's time from which on nobody waits for the answer; ``inf`` if never.
        is_over: whether it was answered, or nobody waits any more.
        is_cancelled: whether the caller wants it to stop, or is gone.
    """

    __slots__ = (
        "_answering", "_number", "_on_cancel", "_seconds", "args", "chain", "deadline",
        "is_cancelled", "is_over", "kwargs", "method", "target",
    )  # fmt: skip

    def __init__(self, answering: Answering, number: int, message: list[Any]) -> None:
        self._answering, self._number = answering, number
        self.chain: Any = message.pop() if len(message) == 9 else None
        _, _, self.target, self.method, self.args, self.kwargs, self._seconds, _ = message
        self.deadline = math.inf
        if self._seconds is not None:
            self.deadline = trio.current_time() + self._seconds
        self._on_cancel: Callable[[], object] | None = None
        self.is_over = self.is_cancelled = False

    @property
    def peer(self) -> str:
        """Who asks, as a phrase."""
        return self._answering.label()

    def answer(self, value: Any) -> None:
        """Send the result. If it cannot be sent, the caller is told of that instead."""
        if not self.is_over:
            self.is_over = True
            self._answering.reply_value(self._number, value)

    def fail(self, error: BaseException) -> None:
        """Send an error: the caller's call raises it."""
        if not self.is_over:
            self.is_over = True
            self._answering.reply_error(self._number, error)

    def acknowledge(self) -> None:
        """Tell the caller that work which it cancelled has stopped."""
        if not self.is_over:
            self.is_over = True
            self._answering.reply_error(self._number, None)

    def begin(self, on_cancel: Callable[[], object]) -> None:
        """Say that work has begun, and what stops it.

        ``on_cancel`` is called once, if the caller cancels or is lost; at once if it was. From
        here on it is on the worker to acknowledge; before, a cancelled request is simply over.
        """
        self._on_cancel = on_cancel
        if self.is_cancelled:
            on_cancel()

    def cancel(self) -> None:
        """Stop what is done about it. For the connection."""
        if self.is_over or self.is_cancelled:
            return
        self.is_cancelled = True
        if self._on_cancel is None:
            self.acknowledge()
        else:
            self._on_cancel()

    def serve(self, work: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Answer with what ``work(*args)`` returns or raises; it runs in a task of its own.

        It is cancelled when the caller cancels or is lost, and at the deadline.
        """
        self._answering.start_soon(self._serve, work, args)

    async def _serve(self, work: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        if self.is_over:  # cancelled before it began
            return
        try:
            with trio.CancelScope(deadline=self.deadline) as scope:
                self.begin(scope.cancel)
                self.answer(await work(*args))
        except Exception as error:
            self.fail(error)
        if self.is_cancelled:
            self.acknowledge()
        elif not self.is_over:
            self.fail(self.timed_out())

    def timed_out(self) -> ActorTimeout:
        """Return the error of a deadline that has passed."""
        return ActorTimeout(str(self.target), self.method, self._seconds or 0.0)
