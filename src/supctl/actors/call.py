"""A call: what one actor of this process is asked by somebody else in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import trio

from supctl.errors import ActorTimeout
from supctl.ipc.deadlines import current_deadlines

from .circle import Chain, check_circle, current_chain

if TYPE_CHECKING:
    from .life import Life

PATIENCE: Final = 1.0
"""Seconds for which who cancels a call waits until its method has stopped."""


class Question(Protocol):
    """What waits in a mailbox for an answer: a :class:`Call`, or a request of ``supctl.ipc``.

    Attributes:
        method, args, kwargs: what is to be called.
        chain: who waits for the answer.
        is_over: whether it was answered, or nobody waits any more.
        is_cancelled: whether who asked wants it to stop.
    """

    chain: Chain | None
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


class Call:
    """A question, and the task that waits for its answer. Answers after the first are ignored.

    Args:
        life: who is asked.
        method, args, kwargs: what is to be called.

    Attributes:
        chain: who waits for the answer.
    """

    # In all this there is no object, and no coroutine within a coroutine, that is not needed:
    # `python -m benchmarks actors` shows what a call costs.

    __slots__ = (
        "_error",
        "_life",
        "_on_cancel",
        "_task",
        "_value",
        "args",
        "chain",
        "is_cancelled",
        "is_over",
        "kwargs",
        "method",
    )  # fmt: skip

    def __init__(
        self, life: Life, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._life, self.method, self.args, self.kwargs = life, method, args, kwargs
        self.chain: Chain | None = None
        self._task: trio.lowlevel.Task | None = None
        self._on_cancel: Callable[[], object] | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self.is_over = self.is_cancelled = False

    # Who asks.

    async def wait(self, timeout: float) -> Any:
        """Ask; return the result or raise the error.

        Cancelling it stops the work, and waits for that at most :data:`PATIENCE` seconds.

        Raises:
            ActorTimeout: no answer in so many seconds.
            ActorGone, CircularCall, MailboxFull: as of :meth:`~supctl.actors.ref.Reference.call`.
        """
        self.chain = current_chain.get()
        if self.chain is not None:
            check_circle(self.chain, self._life, self.method)
        self._life.ask(self)
        deadlines = current_deadlines()
        if timeout < math.inf:
            deadlines.add(self, timeout)
        try:
            while not self.is_over:
                self._task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)
        except trio.Cancelled:
            await self._abandon()
            raise
        finally:
            deadlines.discard(self, timeout)
        if self._error is None:
            return self._value
        error, self._error = self._error, None  # no circle of error, traceback and frames
        try:
            raise error
        finally:
            del error

    async def _abandon(self) -> None:
        """Stop the work and wait a while until it has stopped."""
        if self.is_over:
            return
        self._stop_work()
        self.is_over = self._on_cancel is None
        with trio.move_on_after(PATIENCE, shield=True):
            while not self.is_over:
                self._task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)

    def expire(self, timeout: float) -> None:
        """Stop the work, and tell who waits that there was no answer in time."""
        if not self.is_over:
            self.fail(ActorTimeout(self._life.address, self.method, timeout))
            self._stop_work()

    def _stop_work(self) -> None:
        """Stop the work. Where none has begun there will be none, and it needs no arguments."""
        self.is_cancelled = True
        if self._on_cancel is not None:
            self._on_cancel()
        else:
            self.args, self.kwargs = (), {}

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    # Who is asked.

    def begin(self, on_cancel: Callable[[], object]) -> None:
        """Say that work has begun, and what stops it."""
        self._on_cancel = on_cancel

    def answer(self, value: Any) -> None:
        """Wake who waits, with a result."""
        if not self.is_over:
            self.is_over, self._value = True, value
            self._wake()

    def fail(self, error: BaseException) -> None:
        """Wake who waits, with an error."""
        if not self.is_over:
            self.is_over, self._error = True, error
            self._wake()

    def acknowledge(self) -> None:
        """Wake who has cancelled it and waits until it has stopped."""
        self.answer(None)

    def _wake(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)
