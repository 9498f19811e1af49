"""A call: what one actor of this process is asked by somebody else in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import trio

from supctl.errors import ActorTimeout
from supctl.ipc.waiting import Sleeper

from .circle import Chain
from .deadlines import current_deadlines

PATIENCE: Final = 1.0
"""Seconds for which who cancels a call waits until its method has stopped."""


class Question(Protocol):
    """What waits in a mailbox for an answer: a :class:`Call`, or a request of ``supctl.ipc``.

    Attributes:
        method, args, kwargs: what is to be called.
        is_over: whether it was answered, or nobody waits any more.
        is_cancelled: whether who asked wants it to stop.
    """

    method: str
    args: Any
    kwargs: Any
    is_over: bool
    is_cancelled: bool

    def begin(self, on_cancel: Callable[[], object]) -> None:
        """Say that work has begun, and what stops it."""

    def answer(self, value: Any) -> None:
        """Answer with a result."""

    def fail(self, error: BaseException) -> None:
        """Answer with an error."""

    def acknowledge(self) -> None:
        """Tell who has cancelled it that it has stopped."""


class Call(Sleeper):
    """A question, and the task that waits for its answer. Answers after the first are ignored.

    Args:
        actor: address of who is asked.
        method, args, kwargs: what is to be called.
        chain: who waits for the answer.

    Attributes:
        deadline: trio's time from which on nobody waits; ``inf`` if never.
    """

    __slots__ = (
        "_actor", "_error", "_on_cancel", "_timeout", "_value", "args", "chain", "deadline",
        "is_cancelled", "is_over", "kwargs", "method",
    )  # fmt: skip

    def __init__(
        self,
        actor: str,
        method: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        chain: Chain | None,
    ) -> None:
        self._task = None  # as Sleeper has it; a call must be cheap
        self._actor, self.method, self.args, self.kwargs = actor, method, args, kwargs
        self.chain = chain
        self.deadline = self._timeout = math.inf
        self._on_cancel: Callable[[], object] | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self.is_over = self.is_cancelled = False

    def answer(self, value: Any) -> None:
        """Wake who waits, with a result."""
        if not self.is_over:
            self.is_over, self._value = True, value
            self.wake()

    def fail(self, error: BaseException) -> None:
        """Wake who waits, with an error."""
        if not self.is_over:
            self.is_over, self._error = True, error
            self.wake()

    def acknowledge(self) -> None:
        """Wake who has cancelled it and waits until it has stopped."""
        self.answer(None)

    def begin(self, on_cancel: Callable[[], object]) -> None:
        """Say that work has begun, and what stops it."""
        self._on_cancel = on_cancel

    def cancel(self) -> None:
        """Stop what is done about it. Where nothing is, it is over, and its arguments are gone."""
        if self.is_over or self.is_cancelled:
            return
        self.is_cancelled = True
        if self._on_cancel is None:
            self.is_over, self.args, self.kwargs = True, (), {}
        else:
            self._on_cancel()

    def expire(self) -> None:
        """Stop what is done about it and let who waits know that there was no answer in time."""
        self.cancel()
        self.is_over, self._error = True, ActorTimeout(self._actor, self.method, self._timeout)
        self.wake()

    async def wait(self, timeout: float) -> Any:
        """Return the result or raise the error.

        Cancelling it stops the work, and waits for that at most :data:`PATIENCE` seconds.

        Raises:
            ActorTimeout: no answer in so many seconds.
        """
        if timeout < math.inf:
            self._timeout = timeout
            deadlines = current_deadlines()
            deadlines.add(self, timeout)
            try:
                await self._wait()
            finally:
                deadlines.discard(self, timeout)
        else:
            await self._wait()
        if self._error is not None:
            raise self._error
        return self._value

    async def _wait(self) -> None:
        try:
            while not self.is_over:
                await self.sleep()
        except trio.Cancelled:
            await self.abandon()
            raise

    async def abandon(self) -> None:
        """Stop the work and wait a while until it has stopped."""
        self.cancel()
        if not self.is_over:
            with trio.move_on_after(PATIENCE, shield=True):
                while not self.is_over:
                    await self.sleep()
