"""Who waits for answers: a task for a result, or a reader of a stream for its items."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import trio

from supctl.errors import ProtocolError


class Waiting(Protocol):
    """What a connection holds for each call of ours, until its last answer."""

    is_over: bool

    def sleep(self) -> Awaitable[Any]:
        """Sleep until there is something new. To be awaited at once."""

    def settle(self, value: Any) -> None:
        """Take a result."""

    def fail(self, error: Exception | None) -> None:
        """Take an error; None acknowledges that the call was cancelled."""

    def add(self, item: Any) -> None:
        """Take an item of a stream."""

    def end(self) -> None:
        """Learn that there are no more items."""


class Sleeper:
    """One task that sleeps until it is woken. Leaner than an event."""

    __slots__ = ("_task",)

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None

    def sleep(self) -> Awaitable[Any]:
        """Sleep until somebody calls :meth:`wake`. To be awaited at once."""
        self._task = trio.lowlevel.current_task()
        return trio.lowlevel.wait_task_rescheduled(self._abort)  # noqa: ASYNC105, the caller awaits

    def wake(self) -> None:
        """Wake the sleeper, if there is one."""
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


class Result(Sleeper):
    """What a call waits for.

    Attributes:
        is_over: whether the answer is there.
        value: the result, if ``error`` is None.
        error: what the call is to raise.
        is_acknowledged: whether the answer is that the call was cancelled.
    """

    __slots__ = ("error", "is_acknowledged", "is_over", "value")

    def __init__(self) -> None:
        self._task = None
        self.is_over = self.is_acknowledged = False
        self.value: Any = None
        self.error: Exception | None = None

    def settle(self, value: Any) -> None:
        self.value, self.is_over = value, True
        if self._task is not None:  # as wake(), for the most frequent answer
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    def fail(self, error: Exception | None) -> None:
        self.error, self.is_acknowledged, self.is_over = error, error is None, True
        self.wake()

    def expire(self, timeout: float) -> None:
        """End the sleep: the deadline has passed."""
        self.wake()

    def add(self, item: Any) -> None:
        raise ProtocolError("an item for a call", "a result or an error")

    def end(self) -> None:
        raise ProtocolError("the end of a stream for a call", "a result or an error")


class Items(Sleeper):
    """A stream as its reader sees it: an asynchronous iterator.

    Args:
        window: items that may be on their way or wait here.
        grant: sends the producer credit for so many more.
    """

    __slots__ = ("_error", "_grant", "_items", "_taken", "_window", "is_over")

    def __init__(self, window: int, grant: Callable[[int], None]) -> None:
        super().__init__()
        self._window, self._grant = window, grant
        self._items: deque[Any] = deque()
        self._taken = 0  # since credit was last granted
        self._error: Exception | None = None
        self.is_over = False

    def __aiter__(self) -> Items:
        return self

    async def __anext__(self) -> Any:
        """Return the next item. Cancelling loses none."""
        if self._items:
            await trio.lowlevel.checkpoint()
        while not self._items:
            if self.is_over:
                await trio.lowlevel.checkpoint()
                raise self._error or StopAsyncIteration
            await self.sleep()
        self._taken += 1
        if self._taken * 2 >= self._window and not self.is_over:
            taken, self._taken = self._taken, 0
            self._grant(taken)
        return self._items.popleft()

    def settle(self, value: Any) -> None:
        raise ProtocolError("a result for a stream", "an item, an end or an error")

    def fail(self, error: Exception | None) -> None:
        self._error = error
        self.end()

    def add(self, item: Any) -> None:
        if len(self._items) + self._taken >= self._window:
            raise ProtocolError("an item without credit", f"at most {self._window} before more")
        self._items.append(item)
        self.wake()

    def end(self) -> None:
        self.is_over = True
        self.wake()
