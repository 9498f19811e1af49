"""One life of an actor in this process, as all references to it share it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from supctl.errors import ActorGone, MailboxFull
from supctl.exits import ExitReason

from .bonds import Bonds
from .call import Call, Question
from .lending import call_lending, lends, refuse_to_lend, stream_lending
from .mailbox import Mailbox
from .message import Cast, End, Info
from .stream import Stream
from .trace import Trace, Traced

if TYPE_CHECKING:
    from .actor import Actor
    from .target import OnEnd, Target


class Runner(Protocol):
    """What runs an actor."""

    def finish(self) -> None:
        """Let it end with the reason ``normal``, before it handles what waits."""

    def crash(self, error: Exception) -> None:
        """Let it end by that error."""


class Life:
    """A :class:`~supctl.actors.target.Target` of this process.

    Made lean, as a tree may have ten thousand.

    Args:
        address: of the actor.
        runner: what runs it.
        mailbox: what it will handle; one that its process shares with others if not given.

    Attributes:
        kind: its class, once that is known.
        mailbox: what it will handle.
        reason: why it ended; ``None`` while it lives.
        runner: what runs it, while it lives.
        traces: who looks at what it handles.
    """

    __slots__ = ("_bonds", "_watchers", "address", "kind", "mailbox", "reason", "runner", "traces")

    def __init__(self, address: str, runner: Runner, mailbox: Mailbox | None = None) -> None:
        self.address = address
        self.kind: type[Actor] | None = None
        self.mailbox = Mailbox(address) if mailbox is None else mailbox
        self.reason: ExitReason | None = None
        self.runner: Runner | None = runner
        self.traces: list[Trace] | None = None
        self._bonds: Bonds | None = None
        self._watchers: dict[object, OnEnd] | None = None

    def call(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], timeout: float
    ) -> Coroutine[Any, Any, Any]:
        if lends(args, kwargs):
            return call_lending(self, method, args, kwargs, timeout)
        return Call(self, method, args, kwargs).wait(timeout)

    def ask(self, question: Question) -> None:
        """Have it handle a question. One that it cannot take fails."""
        if self.reason is not None:
            question.fail(self.gone())
        elif question.method == "describe":
            self.mailbox.put_urgent(question)
        else:
            try:
                self.mailbox.put(question, waits=True)
            except MailboxFull as error:
                question.fail(error)

    def cast(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if self.reason is None:
            refuse_to_lend(args, kwargs)
            self.mailbox.put(Cast(method, args, kwargs))

    def send(self, message: Any) -> None:
        if self.reason is None:
            self.mailbox.put(Info(message))

    def stream(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        if lends(args, kwargs):
            return stream_lending(self, method, args, kwargs)
        return Stream(self, method, args, kwargs)

    def stop(self) -> None:
        if self.runner is not None:
            self.runner.finish()

    def on_end(self, callback: OnEnd) -> Callable[[], object]:
        if self.reason is not None:
            callback(self.reason)
            return _nothing
        token = object()
        if self._watchers is None:
            self._watchers = {}
        self._watchers[token] = callback
        return partial(self._watchers.pop, token, None)

    def link(self, other: Target) -> None:
        if self.reason is None:
            self.bonds.link(other)

    def unlink(self, other: Target) -> None:
        if self._bonds is not None:
            self._bonds.unlink(other)

    @asynccontextmanager
    async def trace(self) -> AsyncIterator[AsyncIterator[Traced]]:
        trace = Trace()
        if self.reason is not None:
            trace.end()
        self.traces = [*(self.traces or ()), trace]
        try:
            yield trace
        finally:
            self.traces = [other for other in self.traces if other is not trace] or None

    @property
    def bonds(self) -> Bonds:
        """Its monitors and links."""
        if self._bonds is None:
            self._bonds = Bonds(self)
        return self._bonds

    def gone(self) -> ActorGone:
        """Return the error for those who ask when it has ended."""
        return ActorGone(self.address, str(self.reason))

    def end(self, reason: ExitReason) -> None:
        """Let everybody know who waits for an answer or for the end."""
        self.reason, self.runner = reason, None
        while len(self.mailbox):
            message = self.mailbox.take()
            if not isinstance(message, End):
                message.fail(self.gone())
        for trace in self.traces or ():
            trace.end()
        if self._bonds is not None:
            self._bonds.end()
        watchers, self._watchers = self._watchers or {}, None
        for callback in list(watchers.values()):
            callback(reason)


def _nothing() -> None:
    pass
