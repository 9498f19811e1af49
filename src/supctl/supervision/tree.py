"""Trees that run, as programs see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AbstractContextManager
from typing import Any

import trio

from supctl import events
from supctl.actors.incarnation import Down, Ignored, NotUp, Report, Up
from supctl.backends.base import Backend, ProcessInfo, Usage
from supctl.errors import (
    GaveUp,
    InvalidConfig,
    InvalidState,
    ProcessNotFound,
    StartFailed,
    TreeEnded,
    Unsupported,
)
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.logs.capture import Capture
from supctl.specs import Pool, Supervisor

from .child import join
from .comparison import goes_on
from .eventlog import E, Subscription, current_cause
from .handle import Handle, SupervisorHandle
from .local import LocalNode
from .node import Node
from .pool import PoolHandle
from .status import ChildStatus, kind_of, picture
from .supervisor import SupervisorActor
from .update import Change, Updater
from .world import World


class Tree:
    """A running tree. Made by :func:`~.opening.open_tree`."""

    def __init__(self, spec: Supervisor, world: World) -> None:
        self._log, self._services, self._parked = world.events, world.services, world.parked
        self._logs = world.logs
        self.registry = world.services.registry
        """Actors of the tree by name, and in groups."""
        self._actor = SupervisorActor(spec, "/", world, self._hear)
        self._root: Node = LocalNode(self._actor)
        self._pools: dict[str, PoolHandle] = {}
        self._settled = trio.Event()  # up, or not coming up
        self._ended = trio.Event()
        self._reason: ExitReason | None = None

    def _hear(self, report: Report) -> None:
        match report:
            case Up():
                self._log.emit(events.TreeStarted, address="/")
            case NotUp(reason) | Down(reason):
                self._end(reason)
            case Ignored():
                self._end(NORMAL)  # OTP-START-07
        self._settled.set()

    def _end(self, reason: ExitReason) -> None:
        self._reason = reason
        self._log.emit(events.TreeStopped, address="/", reason=reason, cause=self._actor.last_event)
        self._ended.set()

    @property
    def name(self) -> str:
        """The name of the root supervisor."""
        return self._root.spec.name

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop, or has stopped."""
        return self._root.state == "stopping" or self._ended.is_set()

    def __getitem__(self, address: str) -> Handle:
        """Return the child at ``address``, such as ``"web/api"`` or ``"/web/api:2"``.

        Raises:
            ProcessNotFound: there is none; says which there are.
        """
        self.find(address)
        return Handle(self, "/" + address.strip("/"))

    def __iter__(self) -> Iterator[Handle]:
        """Walk over all children, in start order, supervisors before their children."""
        return (Handle(self, row.address) for row in self.status())

    def supervisor(self, address: str = "/") -> SupervisorHandle:
        """Return the supervisor at ``address``, the root by default, to add children to and more.

        Raises:
            ProcessNotFound: there is none.
            InvalidState: there is something else, or it does not run now.
        """
        self.find_supervisor(address)
        return SupervisorHandle(self, "/" + address.strip("/"))

    def pool(self, address: str) -> PoolHandle:
        """Return the pool at ``address``, to give work to. The same one every time.

        Raises:
            ProcessNotFound: there is nothing.
            InvalidState: there is something else, or it does not run now.
            Unsupported: it is a supervisor, but no pool.
        """
        spec, place = self.find_supervisor(address).spec, "/" + address.strip("/")
        if not isinstance(spec, Pool):
            raise Unsupported("pool", f"{place}, a supervisor", "call its children")
        if place not in self._pools or self._pools[place].spec is not spec:
            self._pools[place] = PoolHandle(self, place, spec)
        return self._pools[place]

    def find(self, address: str) -> tuple[Node, str]:
        """Return the supervisor that holds the child at ``address``, and the child's name.

        Raises:
            ProcessNotFound: there is none.
            InvalidState: a supervisor on the way does not run now.
        """
        above, _, name = address.strip("/").rpartition("/")
        node = self.find_supervisor(above)
        _check_there(node, name, address)
        return node, name

    def find_supervisor(self, address: str) -> Node:
        """Return the supervisor at ``address``, which runs.

        Raises:
            ProcessNotFound: there is none.
            InvalidState: there is something else, or it or one on the way does not run now.
        """
        node = self._root
        for name in address.strip("/").split("/") if address.strip("/") else ():
            _check_there(node, name, address)
            below = node.below(name)
            if below is None:
                seen = (
                    "an " + kind if (kind := kind_of(node.spec_of(name))) == "app" else "a " + kind
                )
                state = seen if kind != "supervisor" else node.state_of(name)
                raise InvalidState(join(node.address, name), state, "a supervisor that runs")
            node = below
        return node

    def status(self) -> list[ChildStatus]:
        """Return a view of every child, in start order, supervisors before their children."""
        return self._root.status()

    def picture(self) -> str:
        """Return the tree as it is now, a line for every child."""
        return "\n".join(picture(self.name, self.status()))

    def info(self, pids: Collection[int]) -> dict[int, ProcessInfo]:
        """Return the system's facts about those main processes of apps that still live.

        Takes some milliseconds for each; may be called in any thread.
        """
        return self._backend.info(pids)

    def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        """Return what those main processes and all their descendants use at this moment.

        Takes some 30 us for each process; may be called in any thread.
        """
        return self._backend.usage(pids)

    @property
    def _backend(self) -> Backend:
        backend = self._services.backend
        assert isinstance(backend, Backend)
        return backend

    @property
    def logs(self) -> Capture:
        """What keeps the output of programs: figures, last lines, and rotation on demand.

        Raises:
            Unsupported: its programs are simulated.
        """
        if self._logs is None:
            raise Unsupported("logs", "a simulated tree", "run real programs")
        return self._logs

    def number_events_after(self, seq: int) -> None:
        """Number the next event behind ``seq``, the last one of an earlier life of the tree."""
        self._log.number_after(seq)

    @property
    def latest_events(self) -> tuple[events.Event, ...]:
        """The latest events, oldest first, 1,000 at the most."""
        return tuple(self._log.latest)

    def chain(self, event: events.Event) -> list[events.Event]:
        """Return ``event`` and what has led to it, the first cause first.

        As far back as the latest events reach.
        """
        return self._log.chain(event)

    def story(self, address: str) -> list[events.Event]:
        """Return what has happened to the child at ``address``, and what has led to that.

        As far back as the latest events reach. It need not be there any more.
        """
        return self._log.story("/" + address.strip("/"))

    def tell(self, kind: type[E], address: str = "/", **facts: Any) -> E:
        """Tell an event from outside, ``cause`` and all; :func:`~.eventlog.because_of` then has it
        be the cause of what is done inside a block."""
        return self._log.emit(kind, address=address, **facts)

    async def events(self) -> AsyncIterator[events.Event]:
        """Yield events as they happen; ends with the tree. See :meth:`subscribe`."""
        with self.subscribe() as subscription:
            async for event in subscription:
                yield event

    def subscribe(self) -> AbstractContextManager[Subscription]:
        """Return a context manager that gives the events from its entry on, to ``async for``.

        A reader that falls more than 1,000 behind gets an ``EventsMissed`` in place of those
        it missed; the tree never waits for it.
        """
        return self._log.subscribe()

    async def update(self, spec: Supervisor, address: str = "/") -> list[Change]:
        """Make the tree, or the supervisor at ``address``, be what ``spec`` says, and return what
        was done about which child.

        What is gone is stopped; what is new is started; what has changed is restarted, if it
        cannot go on as what it now is: another restart policy, strategy or health check, and
        other numbers of instances, end nobody. All others run on. What was stopped stays
        stopped, and what was added by ``start_child`` stays. Failures are among the
        changes, and harm no others.

        Cancelling leaves it half done.

        Raises:
            ProcessNotFound: there is nothing at ``address``.
            InvalidState: the tree ends, or a supervisor above does not run.
            InvalidConfig: the root cannot become that while it runs; or it is a supervisor of
                another name.
        """
        changes: list[Change] = []
        updater = Updater(self, self._parked, changes.append)
        if name := address.strip("/").rpartition("/")[2]:
            if spec.name != name:
                raise InvalidConfig("spec", spec.name, f"a supervisor called {name}")
            await updater.replace("/" + address.strip("/"), spec)
            return changes
        if not goes_on(self._root.spec, spec):
            wanted = "a root of the same kind, name and start_rate, as long as it runs"
            raise InvalidConfig("spec", spec.name, wanted)
        await updater.update("/", spec)
        return changes

    def stop(self) -> None:
        """Begin to stop everything in order. Never blocks; :meth:`wait` tells the end."""
        self._note_cause()
        self._actor.stop()

    def kill(self) -> None:
        """Kill everything at once, without asking. Never blocks."""
        self._note_cause()
        self._actor.kill()

    def _note_cause(self) -> None:
        self._actor.stopped_for = current_cause() or self._actor.stopped_for

    async def wait_up(self) -> None:
        """Return when all children of the root have been started. Cancelling is harmless.

        With ``start_failures="retry"`` also when some of them have failed to, and wait for their
        next attempt.

        Raises:
            StartFailed: they were not; what had started is stopped again.
            GaveUp, TreeEnded: as :meth:`wait`.
        """
        await self._settled.wait()
        if self._reason is not None:
            self.check_end()

    async def wait(self) -> ExitReason:
        """Return why the root ended, once nothing of the tree lives. Cancelling is harmless.

        Raises:
            GaveUp: the root saw more restarts than its intensity allows.
            StartFailed: it did not come up.
            TreeEnded: it ended with a child, an essential one for example, and that did not end
                by code 0.
        """
        await self._ended.wait()
        self.check_end()
        return self._reason or SHUTDOWN

    def check_end(self) -> None:
        """Raise what :meth:`wait` raises, if the tree has ended that way."""
        finished = self._actor.finished
        if (ended := self._reason) is not None and ended.kind is ExitKind.ESCALATED:
            code = 1 if ended.status is None else ended.status.shell_code
            if code:
                raise TreeEnded(self.name, ended.detail, code)
            return
        if finished is None:
            if self._reason is not None and self._reason.kind is ExitKind.START_FAILED:
                raise StartFailed("/", self._reason.detail)  # its children could not be made
            return
        if (gave_up := finished.gave_up) is not None:
            address, reason = join("/", gave_up.name), str(gave_up.reason)
            raise GaveUp(self.name, address, reason, gave_up.restarts, gave_up.within)
        if finished.not_started is not None:
            child = self._actor.children[finished.not_started]
            why = child.reason or finished.reason
            raise StartFailed(child.address, why.detail or str(why))

    # For open_tree.

    async def live(self, nursery: trio.Nursery) -> None:
        """Run the root to its end. A cancellation does not reach it: it is asked to stop.

        What waits for the ends of actors in other processes does so in ``nursery``.
        """
        self._services.board.work_in(nursery)
        try:
            with trio.CancelScope(shield=True):
                await self._actor.run()
        finally:
            if not self._ended.is_set():  # it was interrupted (Ctrl-C); nobody must wait for more
                self._end(ExitReason(ExitKind.KILLED, detail="interrupted"))
                self._settled.set()

    @property
    def ended(self) -> trio.Event:
        """Set when nothing of the tree lives."""
        return self._ended


def _check_there(node: Node, name: str, address: str) -> None:
    if name not in node.names():
        raise ProcessNotFound(address, tuple(join(node.address, there) for there in node.names()))
