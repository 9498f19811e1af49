"""A reference: how everybody but its own supervisor reaches an actor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import trio

from supctl.exits import ExitReason
from supctl.ipc.waiting import Sleeper

from .asked import DEFAULT_TIMEOUT, Asked, Reading, call, check
from .circle import check_circle, current_chain
from .interface import method_of
from .target import Target
from .trace import Traced


class Reference:
    """A reference to one life of an actor. Its public methods can be called through it::

        total = await counter.add(5)
        async for tick in clock.ticks():
            ...

    When that life has ended the reference stays behind with it: calls raise
    :class:`~supctl.errors.ActorGone`, casts go nowhere. References to the same life are equal.

    Type checkers see ``Ref[Counter]`` as a ``Counter``, and so know its methods.
    """

    _target: Target

    if not TYPE_CHECKING:  # a checker sees this class as a base of all actors
        __slots__ = ("__dict__", "_target")

        def __init__(self, target: Target) -> None:
            self._target = target

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):  # protocols of Python's ask for such, copy for one
                raise AttributeError(f"{name!r} of an actor is private")
            asked = partial(Asked, self._target, name)
            if self._target.kind is not None:
                method_of(self._target.kind, name)
                # Known to exist, it is found at once from now on: 0.8 of 12 us of a call.
                self.__dict__[name] = asked
            return asked

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Reference) and self._target == other._target

        def __hash__(self) -> int:
            return hash(self._target)

        def __repr__(self) -> str:
            kind = self._target.kind
            return f"<Ref to {kind.__name__ if kind else 'actor'} {self._target.address}>"

        def __class_getitem__(cls, kind: Any) -> type[Reference]:
            return cls

    @property
    def address(self) -> str:
        """The actor's address in its tree."""
        return self._target.address

    @property
    def reason(self) -> ExitReason | None:
        """Why it ended; ``None`` while it lives."""
        return self._target.reason

    def call(
        self, method: str, /, *args: Any, timeout: float = DEFAULT_TIMEOUT, **kwargs: Any
    ) -> Coroutine[Any, Any, Any]:
        """Call a method by name and return its result.

        An exception of the method is raised here and does not end the actor. Cancelling cancels
        the method too, and waits a second at most until it has stopped.

        Args:
            timeout: seconds to wait for the answer; :data:`math.inf` waits as long as it lives.

        Raises:
            ActorTimeout: no answer in time; the method was cancelled.
            ActorGone: the actor has ended, or ended before it answered.
            CircularCall: the actor would wait for itself.
            IsStream: the method is a stream.
            MailboxFull: too many messages wait already.
            TypeError: the arguments do not fit.
            UnknownMethod: it does not exist, or is not for others.
        """
        return call(self._target, method, args, kwargs, timeout)

    def cast(self, method: str, /, *args: Any, **kwargs: Any) -> None:
        """Have a method called and do not wait. Goes nowhere when the actor has ended.

        Raises:
            MailboxFull: too many messages wait already.
            IsStream, TypeError, UnknownMethod: as :meth:`call`.
        """
        check(self._target, method, args, kwargs, stream=False)
        self._target.cast(method, args, kwargs)

    def stream(self, method: str, /, *args: Any, **kwargs: Any) -> Reading:
        """Read what a method yields, in ``async with`` or just with ``async for``.

        It runs beside the actor's messages, at most 64 items ahead of the reader, and is cancelled
        when the reader leaves.

        Raises:
            IsNoStream: the method does not yield.
            Exception: otherwise as :meth:`call`, when the items are read.
        """
        return Reading(self._target, method, args, kwargs)

    def send(self, message: Any) -> None:
        """Have ``handle_info`` called with a message; otherwise like :meth:`cast`."""
        self._target.send(message)

    def describe(self) -> Coroutine[Any, Any, Any]:
        """Return what the actor shows of its state. Goes before what waits in its mailbox."""
        return self._target.call("describe", (), {}, DEFAULT_TIMEOUT)

    def trace(self) -> AbstractAsyncContextManager[AsyncIterator[Traced]]:
        """Return what the actor handles while the block lasts, a line for each message."""
        return self._target.trace()

    async def stop(self) -> ExitReason:
        """Let it end, before it handles what waits, and return why it has ended: ``normal``,
        unless something else was faster.

        It has its spec's ``grace``, then is cancelled. A ``permanent`` worker is started again;
        to keep it stopped, ask its supervisor. Cancelling does not take the request back.

        Raises:
            CircularCall: an actor would wait for its own end; it calls ``finish`` instead.
        """
        check_circle(current_chain.get(), self._target, "stop")
        self._target.stop()
        return await self.wait()

    async def wait(self) -> ExitReason:
        """Return why it ended, once it has. Cancelling is harmless.

        Raises:
            CircularCall: the actor would wait for its own end.
        """
        check_circle(current_chain.get(), self._target, "wait")
        await trio.lowlevel.checkpoint_if_cancelled()
        sleeper = Sleeper()
        undo = self._target.on_end(lambda _: sleeper.wake())
        try:
            while self._target.reason is None:
                await sleeper.sleep()
        finally:
            undo()
        return self._target.reason


def target_of(ref: Reference) -> Target:
    """Return what a reference refers to. For those who carry references to other processes."""
    return ref._target


if TYPE_CHECKING:
    A = TypeVar("A")
    Ref: TypeAlias = Annotated[A, "a reference"]

    def make_ref(target: Target) -> Any: ...
else:
    Ref = make_ref = Reference
