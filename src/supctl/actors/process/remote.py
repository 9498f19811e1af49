"""An actor that lives in another process, as a reference sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio

from supctl.actors.ref import make_ref
from supctl.actors.target import OnEnd, Target
from supctl.errors import ActorGone, ActorTimeout, ConnectionLost
from supctl.exits import ExitKind, ExitReason
from supctl.ipc import Connection

from .branch import Branch

if TYPE_CHECKING:
    from .switchboard import Switchboard


class RemoteTarget:
    """One life of an actor of another process; a :class:`~supctl.actors.target.Target`."""

    __slots__ = ("_board", "_reason", "_way", "_wire", "address", "kind", "number", "place")

    def __init__(
        self,
        board: Switchboard,
        place: tuple[int, ...],
        number: int,
        address: str,
        kind: type[Any] | None,
    ) -> None:
        self._board, self.place, self.number, self.address = board, place, number, address
        self.kind = kind
        self._reason: ExitReason | None = None
        self._way: Branch | Connection | None = None
        self._wire = board.wire(place, number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteTarget) and (self.place, self.number) == (
            other.place,
            other.number,
        )

    def __hash__(self) -> int:
        return hash((self.place, self.number))

    @property
    def reason(self) -> ExitReason | None:
        """Why that life ended, as far as it is known here; who must know waits for the end."""
        return self._reason

    def _connection(self) -> Connection:
        if self._way is None:
            self._way = self._board.way(self.place, self.address)
        if not isinstance(self._way, Branch):
            return self._way
        if self._way.connection is None:
            raise self._way.gone(self.address)
        return self._way.connection

    async def _cut_off(self, lost: ConnectionLost) -> ActorGone:
        """Return the error for a connection that was lost."""
        if isinstance(self._way, Branch):
            return await self._way.epitaph(self.address)
        return ActorGone(self.address, lost.reason)

    async def call(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], timeout: float
    ) -> Any:
        chain = self._board.told_chain()
        try:
            return await self._connection().call(self._wire, method, args, kwargs, timeout, chain)
        except ConnectionLost as lost:
            raise await self._cut_off(lost) from None
        except ActorTimeout as late:
            raise ActorTimeout(self.address, late.method, late.seconds) from None

    def cast(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._cast(method, args, kwargs, refusable=True)

    def _cast(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, refusable: bool
    ) -> None:
        try:
            self._connection().cast(self._wire, method, args, kwargs, refusable=refusable)
        except (ActorGone, ConnectionLost):
            return  # it goes nowhere, as it would with an actor of this process

    def stream(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        return self._stream(method, args, kwargs)

    @asynccontextmanager
    async def _stream(
        self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[AsyncIterator[Any]]:
        chain, way = self._board.told_chain(), self._connection
        try:
            async with way().stream(self._wire, method, args, kwargs, chain=chain) as items:
                yield items
        except ConnectionLost as lost:
            raise await self._cut_off(lost) from None

    def send(self, message: Any) -> None:
        self.cast("$info", (message,), {})

    def stop(self) -> None:
        self._cast("$stop", (), {}, refusable=False)

    def link(self, other: Target) -> None:
        self._cast("$link", (make_ref(other),), {}, refusable=False)

    def unlink(self, other: Target) -> None:
        self._cast("$unlink", (make_ref(other),), {}, refusable=False)

    def trace(self) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        return self._stream("$trace", (), {})

    def on_end(self, callback: OnEnd) -> Callable[[], None]:
        if (reason := self._known_end()) is not None:
            self._reason = reason
            callback(reason)
            return lambda: None
        scope = trio.CancelScope()
        self._board.start_soon(self._tell_end, scope, callback)
        return scope.cancel

    def _known_end(self) -> ExitReason | None:
        """Return why it ended, if that is known without asking."""
        try:
            way = self._way = self._way or self._board.way(self.place, self.address)
        except ActorGone as gone:
            return ExitReason(ExitKind.LOST, detail=gone.reason)
        return way.end_of(self.number) if isinstance(way, Branch) and way.has_ended else None

    async def _tell_end(self, scope: trio.CancelScope, callback: OnEnd) -> None:
        with scope:
            self._reason = await self.wait_end()
        if self._reason is not None and not scope.cancelled_caught:
            callback(self._reason)

    async def wait_end(self) -> ExitReason:
        """Return why it ended, as far as that can be known, once it has."""
        try:
            reason: ExitReason = await self._connection().call(self._wire, "$wait")
        except ConnectionLost as lost:
            if isinstance(self._way, Branch):
                return await self._way.reason_of(self.number)
            return ExitReason(ExitKind.LOST, detail=lost.reason)
        except ActorGone as gone:
            return ExitReason(ExitKind.LOST, detail=gone.reason)
        return reason
