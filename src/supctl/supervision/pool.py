"""A running pool: work goes to the member that has least of it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence, Sized
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

import trio

from supctl.actors.applier import APPLY
from supctl.actors.asked import DEFAULT_TIMEOUT
from supctl.actors.chunk import Outcome
from supctl.actors.idempotent import is_idempotent
from supctl.actors.ref import Ref
from supctl.actors.worker import load_actor
from supctl.errors import (
    ActorDied,
    ActorGone,
    ActorTimeout,
    InvalidConfig,
    InvalidState,
    Lost,
    UnknownMethod,
)
from supctl.specs import Pool
from supctl.specs.policy import check_count

from .blame import Blame
from .dispatch import Dispatch
from .eventlog import Subscription
from .handle import Finder
from .node import Node
from .results import Items, Line, Results

Method: TypeAlias = str | Callable[..., Any]
"""A method by name, or itself; a pool of a function has only that one."""

Ask: TypeAlias = Callable[[Ref[Any], float], Awaitable[Any]]
"""Asks a member, which has so many seconds to answer."""

AHEAD: Final = 2
"""Chunks for each member that are under way: one that the member works on, and one that waits for
it, so that it need not wait for us."""

FAR_AHEAD: Final = 8
"""The same for small chunks, so that we need not attend to each by itself; and the chunks for each
member that an ``imap`` has taken, and not handed out yet."""

TRIES: Final = 3
"""Members that an idempotent call may end. Those that it was lost with, and another call has ended,
do not count."""

_SHARES: Final = 4
"""Chunks that each member gets of a ``map``, by default: the last ones even out the load."""

_PASSING: Final = ("starting", "backoff", "stopping")
"""States after which a member or a supervisor may run, or will be known not to."""


class Ground(Finder, Protocol):
    """The tree that a pool is in."""

    def subscribe(self) -> AbstractContextManager[Subscription]:
        """Return what tells of all that happens there."""
        ...


class PoolHandle:
    """A pool of a running tree, by its address. Made by ``tree.pool(address)``."""

    def __init__(self, tree: Ground, address: str, spec: Pool) -> None:
        self._tree, self.address, self.spec = tree, address, spec
        self._dispatch, self._blame = Dispatch(), Blame()

    async def call(
        self, method: Method, /, *args: Any, timeout: float = DEFAULT_TIMEOUT, **kwargs: Any
    ) -> Any:
        """Call a method of the member that has least to do, and return its result.

        While no member runs it waits for one. Cancelling cancels the method too.

        Args:
            method: its name, or the method itself; of a pool of a function, that function.
            timeout: seconds to wait for the answer, whoever gives it; :data:`math.inf` is any.

        Raises:
            Lost: the member ended before it answered; if the method is marked with
                :func:`supctl.idempotent`, the call has ended three of them.
            ActorTimeout: no answer in time; the method was cancelled.
            InvalidState: no member runs, nor will one by itself.
            Exception: what the method raises, and otherwise as :meth:`supctl.Ref.call`.
        """
        name = self._name(method)

        def ask(ref: Ref[Any], left: float) -> Any:
            return ref.call(self._on_wire(name), *args, timeout=left, **kwargs)

        return await self._do(name, ask, 1, timeout)

    async def map(self, method: Method, items: Items, *, chunk: int | None = None) -> list[Any]:
        """Call a method with each item, and return the results in order of the items.

        Args:
            method: as for :meth:`call`; it gets one item.
            items: any iterable, or async iterable.
            chunk: items that are sent as one message, and done one after the other by one member;
                by default, a quarter of a member's share if the number of items is known, else 1.

        Raises:
            Exception: as :meth:`imap`, for the first item that fails.
        """
        if chunk is None:
            shares = _SHARES * self.spec.size
            chunk = max(1, math.ceil(len(items) / shares)) if isinstance(items, Sized) else 1
        async with self._results(method, items, chunk, bounded=False, ordered=True) as results:
            return await results.read_all()

    def imap(
        self, method: Method, items: Items, *, chunk: int = 1, ordered: bool = True
    ) -> Results:
        """Call a method with each item, and yield the results as they come.

        Items are taken only as results are: at most 8 chunks for each member are under way, or
        wait to be handed out; and of chunks that take longer than 10 ms, at most 2 for each
        member are under way. An endless iterable is fine.

        Args:
            method, items, chunk: as for :meth:`map`. A chunk that is lost is lost as a whole.
            ordered: whether results come in order of the items, or as soon as they are there.

        Raises (when results are taken):
            Exception: what the method raised for an item, in the place of its result, and what
                the iterable raised. What is under way is cancelled then.
            Lost, InvalidState: as :meth:`call`.
        """
        return self._results(method, items, chunk, bounded=True, ordered=ordered)

    def load(self) -> Mapping[str, int]:
        """Return how many calls each member that runs has to answer, by its name."""
        return {name: self._dispatch.load(name) for name in self._running()}

    # How it is done.

    def _results(
        self, method: Method, items: Items, chunk: int, *, bounded: bool, ordered: bool
    ) -> Results:
        check_count("chunk", chunk, 1)
        work = partial(self._do_chunk, self._name(method))
        fewest, most = AHEAD * self.spec.size, FAR_AHEAD * self.spec.size
        room = most if bounded else None
        line = Line(work, items, chunk, hands=(fewest, most), room=room, ordered=ordered)
        return Results(line)

    async def _do_chunk(self, name: str, items: Sequence[Any]) -> Outcome:
        def ask(ref: Ref[Any], left: float) -> Any:
            return ref.call("call_each", self._on_wire(name), items, timeout=left)

        outcome: Outcome = await self._do(name, ask, len(items), math.inf)
        return outcome

    async def _do(self, name: str, ask: Ask, work: int, timeout: float) -> Any:
        """Ask members until one has answered, or it must not be asked again."""
        deadline = trio.current_time() + timeout
        call, tried, ended = object(), list[str](), 0
        while True:
            running = self._running() or await self._wait_running(name, timeout, deadline)
            chosen = self._dispatch.give([it for it in running if it not in tried] or running, work)
            ref = running[chosen].ref_of(chosen)
            assert ref is not None
            self._blame.begin(ref, call)
            try:
                return await ask(ref, max(0.0, deadline - trio.current_time()))
            except ActorGone as gone:
                if gone.actor != ref.address:
                    raise  # it is the method's answer
                tried.append(chosen)
                ended += self._blame.is_culprit(ref, call)
                if ended == TRIES or not await self._may_repeat(name):
                    raise _lost(name, gone, ended) from None
            except ActorTimeout as late:
                if late.actor != ref.address:
                    raise
                raise ActorTimeout(late.actor, name, timeout) from None
            finally:
                self._blame.end(ref, call)
                self._dispatch.take_back(chosen, work)

    def _running(self) -> dict[str, Node]:
        """Return where the members are that run, by their names; none if there will be some.

        Raises:
            InvalidState: there will be none.
        """
        try:
            node = self._tree.find_supervisor(self.address)
        except InvalidState as error:
            if error.state in _PASSING:
                return {}
            raise
        states = {name: node.state_of(name) for name in node.names()}
        running = [name for name, state in states.items() if state == "running"]
        if not running and not any(it in _PASSING for it in (node.state, *states.values())):
            raise InvalidState(self.address, "without a member that runs", "one at least")
        return dict.fromkeys(running, node)

    async def _wait_running(self, name: str, timeout: float, deadline: float) -> dict[str, Node]:
        with trio.move_on_at(deadline), self._tree.subscribe() as events:
            if running := self._running():
                return running
            async for _ in events:
                if running := self._running():
                    return running
            raise InvalidState(self.address, "stopped", "one that runs")
        raise ActorTimeout(self.address, name, timeout)

    async def _may_repeat(self, name: str) -> bool:
        actor = self.spec.actor
        if isinstance(actor, str):  # it was not needed here before; importing it may take a while
            try:
                actor = await trio.to_thread.run_sync(load_actor, actor)
            except InvalidConfig:
                return False
        return is_idempotent(actor if self.spec.is_function else getattr(actor, name, None))

    def _name(self, method: Method) -> str:
        name = method if isinstance(method, str) else _name_of(method)
        if self.spec.is_function and name != (only := _name_of(self.spec.actor)):
            raise UnknownMethod(self.address, name, f"its members call {only}, and nothing else")
        return name

    def _on_wire(self, name: str) -> str:
        return APPLY if self.spec.is_function else name


def _name_of(function: object) -> str:
    return getattr(function, "__name__", None) or repr(function)


def _lost(name: str, gone: ActorGone, times: int) -> Lost:
    last_words = gone.last_words if isinstance(gone, ActorDied) else ""
    return Lost(name, gone.actor, gone.reason, times, last_words)
