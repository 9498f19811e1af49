"""A stream: what an actor's method yields, made no faster than it is read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import trio

from supctl.errors import ActorGone
from supctl.ipc.waiting import Items, Sleeper

from .call import PATIENCE
from .circle import check_circle, current_chain
from .interface import method_of
from .message import Message

if TYPE_CHECKING:
    from .actor import Actor
    from .life import Life

WINDOW: Final = 64
"""Items that are made before the first of them is taken."""


class Stream(Message):
    """A message that asks for a stream, and the reader's end of it.

    It waits in the mailbox for its turn, then runs in a task of the actor beside the messages.

    Args:
        life: who is asked.
        method, args, kwargs: what is to be called.
    """

    __slots__ = (
        "_chain", "_credit", "_items", "_life", "_needs_credit", "_scope", "args", "is_over",
        "kwargs", "method",
    )  # fmt: skip

    def __init__(
        self, life: Life, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._life = life
        self.method, self.args, self.kwargs = method, args, kwargs
        self._chain = current_chain.get()
        self._items = Items(WINDOW, self._grant)
        self._credit = WINDOW
        self._needs_credit = Sleeper()
        self._scope: trio.CancelScope | None = None
        self.is_over = False

    # The reader's end.

    async def __aenter__(self) -> Items:
        await trio.lowlevel.checkpoint_if_cancelled()
        check_circle(self._chain, self._life, self.method)
        if self._life.reason is not None:
            raise self._life.gone()
        self._life.mailbox.put(self, waits=True)
        return self._items

    async def __aexit__(self, *_: object) -> None:
        """Stop making items, and wait a second at most until that has stopped."""
        if self._scope is None:
            self._end(None)
        elif not self.is_over:
            self._scope.cancel()
            with trio.move_on_after(PATIENCE, shield=True):
                while not self.is_over:
                    await self._items.sleep()

    def _grant(self, more: int) -> None:
        self._credit += more
        self._needs_credit.wake()

    # The actor's end.

    async def deliver(self, actor: Actor) -> None:
        actor.start_soon(self._produce, actor)

    def fail(self, error: Exception) -> None:
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        if not self.is_over:
            self.is_over = True
            self._items.fail(error)

    async def _produce(self, actor: Actor) -> None:
        if self.is_over:  # its reader has left already
            return
        current_chain.set(self._chain)
        try:
            with trio.CancelScope() as self._scope:
                method_of(type(actor), self.method).check(self.args, self.kwargs, stream=True)
                await self._make(getattr(actor, self.method)(*self.args, **self.kwargs))
        except Exception as error:  # the reader's, as an error of a call is the caller's
            self._end(error)
        finally:
            # Over already, unless the actor ends or the reader has left.
            self._end(ActorGone(self._life.address, "it ended before the stream did"))

    async def _make(self, made: AsyncGenerator[Any, None]) -> None:
        try:
            while True:
                await trio.lowlevel.checkpoint()
                while not self._credit:
                    await self._needs_credit.sleep()
                try:
                    item = await anext(made)
                except StopAsyncIteration:
                    break
                self._credit -= 1
                self._items.add(item)
        finally:
            await made.aclose()
        self._end(None)
