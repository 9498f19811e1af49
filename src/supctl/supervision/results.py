"""Results that come one by one, while the work for the next is going on."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Self, TypeAlias

import trio

from supctl.actors.chunk import Outcome

Items: TypeAlias = Iterable[Any] | AsyncIterable[Any]
Work: TypeAlias = Callable[[Sequence[Any]], Awaitable[Outcome]]


QUICK: Final = 0.01
"""Seconds for a chunk of which more may be under way: to give one out takes a while too. Of those
that take longer, too many given out would wait for one member while others are idle."""


@dataclass(slots=True)
class Slot:
    """The place of the results of one chunk."""

    values: deque[Any] = field(default_factory=deque)
    error: Exception | None = None
    is_done: bool = False


class Chunks:
    """Takes items from where they come from, some at a time.

    No generator, as those want to be closed. What it takes from is its owner's to close.

    Raises:
        TypeError: they cannot be iterated over.
    """

    def __init__(self, items: Items, size: int) -> None:
        self._size = size
        self._later = aiter(items) if isinstance(items, AsyncIterable) else None
        self._now = None if isinstance(items, AsyncIterable) else iter(items)

    async def take(self) -> list[Any]:
        """Return the next items; fewer are the last, none is the end."""
        if self._now is not None:
            return list(islice(self._now, self._size))
        assert self._later is not None
        chunk: list[Any] = []
        with suppress(StopAsyncIteration):
            while len(chunk) < self._size:
                chunk.append(await anext(self._later))
        return chunk


class Line:
    """Chunks of items that are worked on, and their results. Runs in tasks of its own, its hands:
    a task for each chunk would cost more than a small chunk does.

    Args:
        work: does one chunk.
        items: where they come from.
        chunk: items at a time.
        hands: chunks that are worked on at a time: the least, and the most. There are more than
            the least while a chunk takes less than :data:`QUICK` seconds.
        room: chunks that may have been taken from ``items`` and not been handed out; ``None``:
            any number.
        ordered: whether results keep the order of the items.
    """

    def __init__(
        self,
        work: Work,
        items: Items,
        chunk: int,
        *,
        hands: tuple[int, int],
        room: int | None,
        ordered: bool,
    ) -> None:
        self._work, self._ordered = work, ordered
        self._chunks = Chunks(items, chunk)
        self._hands = 0
        self._fewest, self._most = hands
        self._room = None if room is None else trio.Semaphore(room)
        self._taking = trio.Lock()
        self._has_more = True
        self._slots: deque[Slot] = deque()
        self._changed = trio.Event()
        self._scope = trio.CancelScope()
        self.is_over = trio.Event()

    async def run(self) -> None:
        """Take items and have them worked on until there are no more, or it is cancelled."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._call_hand(nursery, self._fewest)
        finally:
            if self._scope.cancel_called:
                self._slots.clear()
            self.is_over.set()
            self._changed.set()

    def cancel(self) -> None:
        """Cancel the work and forget what has not been handed out."""
        self._scope.cancel()
        self._slots.clear()

    async def next_slot(self) -> Slot | None:
        """Wait for the results of a chunk, and take them; ``None``: there are no more."""
        while not (self._slots and self._slots[0].is_done):
            if self.is_over.is_set() and not self._slots:
                return None
            if self._changed.is_set():
                self._changed = trio.Event()
            await self._changed.wait()
        return self._slots.popleft()

    def make_room(self) -> None:
        """Know that the results of a chunk have been handed out."""
        if self._room is not None:
            self._room.release()

    def _call_hand(self, nursery: trio.Nursery, most: int) -> None:
        if self._hands < most:
            self._hands += 1
            nursery.start_soon(self._work_on, nursery)

    async def _work_on(self, nursery: trio.Nursery) -> None:
        slot = Slot()
        while items := await self._take(slot):
            self._call_hand(nursery, self._fewest)
            began_at = trio.current_time()
            await self._do(slot, items)
            if trio.current_time() - began_at < QUICK:
                self._call_hand(nursery, self._most)
            elif self._hands > self._fewest:
                break
            slot = Slot()
        self._hands -= 1

    async def _do(self, slot: Slot, items: Sequence[Any]) -> None:
        try:
            values, slot.error = await self._work(items)
            slot.values.extend(values)
        except Exception as error:
            slot.error = error
        self._finish(slot)

    async def _take(self, slot: Slot) -> list[Any]:
        """Wait for room, and take the items of a chunk; none is the end."""
        if self._room is not None:
            await _acquire(self._room)
        await _acquire(self._taking)
        items: list[Any] = []
        try:
            if self._has_more:
                items = await self._chunks.take()
                self._has_more = bool(items)
        except Exception as error:  # it is raised where the results would have been
            self._has_more, slot.error = False, error
        finally:
            self._taking.release()
        if not items and slot.error is None:
            self.make_room()  # for the others to see that it is the end
            return items
        if self._ordered:
            self._slots.append(slot)
        if slot.error:
            self._finish(slot)
        return items

    def _finish(self, slot: Slot) -> None:
        slot.is_done = True
        if not self._ordered:
            self._slots.append(slot)
        if self._slots and self._slots[0] is slot:
            self._changed.set()


async def _acquire(what: trio.Semaphore | trio.Lock) -> None:
    """Acquire it without giving way to others, if it is free."""
    try:
        what.acquire_nowait()
    except trio.WouldBlock:
        await what.acquire()


class Results(AsyncIterator[Any]):
    """Results to be read with ``async for``, or in ``async with`` and ``async for``.

    Work begins when the block is entered, or the first result is asked for. What is going on is
    cancelled when the block is left, or, without one, when nobody holds this any more, as after
    ``break``; and when an error has been raised.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._slot = Slot()
        self._has_begun = False

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel what is going on, and return when it has stopped."""
        self._line.cancel()
        if self._has_begun:
            await self._line.is_over.wait()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._slot.values:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await self._next_slot()
        return self._slot.values.popleft()

    async def read_all(self) -> list[Any]:
        """Return all that are left, which costs less than one by one."""
        values: list[Any] = []
        with suppress(StopAsyncIteration):
            while True:
                values += self._slot.values
                self._slot.values.clear()
                await self._next_slot()
        return values

    def __del__(self) -> None:
        with suppress(RuntimeError):  # no loop runs any more, nor does the work
            self._line.cancel()

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            trio.lowlevel.spawn_system_task(self._line.run, context=contextvars.copy_context())

    async def _next_slot(self) -> None:
        """Wait for results that can be handed out; raises the error that is in their place."""
        self._begin()
        while not self._slot.values:
            slot, self._slot = self._slot, Slot()
            if slot.error is not None:
                await self.aclose()
                raise slot.error
            if slot.is_done:
                self._line.make_room()
            try:
                next_slot = await self._line.next_slot()
            except trio.Cancelled:
                self._line.cancel()
                raise
            if next_slot is None:
                raise StopAsyncIteration
            self._slot = next_slot
