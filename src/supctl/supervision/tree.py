"""Trees that run: :func:`open_tree`."""

from __future__ import annotations

import errno
import random as random_module
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from os import PathLike
from typing import Final

import trio

from supctl import events
from supctl.actors.incarnation import Down, Ignored, NotUp, Report, Up
from supctl.actors.services import CheckLog, Services, handed_to
from supctl.backends.base import Backend, ProcessInfo, Usage
from supctl.backends.platform import open_backend
from supctl.backends.zygote.child import check_guard
from supctl.errors import (
    GaveUp,
    InvalidConfig,
    InvalidState,
    ProcessNotFound,
    StartFailed,
    StorageFailed,
    TreeEnded,
    Unsupported,
)
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.logs.capture import Capture, Tap
from supctl.logs.directory import LogDirectory, default_log_directory
from supctl.logs.problem import OnProblem
from supctl.specs import Log, Pool, Supervisor

from .child import join
from .eventlog import EventLog, Subscription
from .handle import Handle, SupervisorHandle
from .local import LocalNode
from .node import Node
from .pool import PoolHandle
from .status import ChildStatus, kind_of, picture
from .supervisor import SupervisorActor
from .update import Change, Updater, goes_on
from .watch import Watch
from .world import World

_CHECK_PATIENCE: Final = 5.0
"""Seconds that a disk may take to open a log without which an app must not start."""


class Tree:
    """A running tree. Made by :func:`open_tree`."""

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

    @property
    def latest_events(self) -> tuple[events.Event, ...]:
        """The latest events, oldest first, 1,000 at the most."""
        return tuple(self._log.latest)

    def chain(self, event: events.Event) -> list[events.Event]:
        """Return ``event`` and what has led to it, the first cause first.

        As far back as the latest events reach.
        """
        return self._log.chain(event)

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
        cannot go on as what it now is: another restart policy or strategy, and other numbers of
        instances, end nobody. All others run on. What was stopped stays stopped, and what was
        added by ``start_child`` stays. Failures are among the changes, and harm no others.

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
        self._actor.stop()

    def kill(self) -> None:
        """Kill everything at once, without asking. Never blocks."""
        self._actor.kill()

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


@asynccontextmanager
async def open_tree(
    spec: Supervisor,
    *,
    log_directory: str | PathLike[str] | None = None,
    log: Log | None = None,
    tap: Tap | None = None,
    on_event: Callable[[events.Event], None] = lambda _: None,
    backend: Backend | None = None,
    random: Callable[[], float] = random_module.random,
    wait_up: bool = True,
    preload: Sequence[str] = (),
    start_method: str = "fork",
    parked: Collection[str] = frozenset(),
    watch: Watch | None = None,
) -> AsyncIterator[Tree]:
    """Start a tree; leaving the block stops it and leaves nothing behind.

    Args:
        spec: the root. Its ``restart`` and ``backoff`` mean nothing, having no supervisor.
        log_directory: where the output of its apps goes; by default a directory of the tree's
            name below the user's directory for logs.
        log: what becomes of the output of apps that say nothing about it, and of workers that
            have processes; ``Log()`` by default.
        tap: sees all output too, in the capture's own thread.
        on_event: called with every event at once, in the trio thread; must not block. What it
            raises is logged and harms nobody.
        backend: what runs programs; this system's by default.
        random: returns floats in [0, 1); the source of all jitter.
        wait_up: whether to enter the block only when all children have been started. Without
            it, who is inside minds the end too: the block is not cancelled when the root gives up.
        preload: modules that workers with processes of their own find imported.
        start_method: how such a process begins. ``fork``: as a copy of one that has imported all
            that already; ``spawn``: as a fresh interpreter, for what a fork does not become.
        parked: addresses of what somebody has stopped and what is to stay so when its supervisor
            starts (again), unless its ``restart`` is ``always``. May change meanwhile.
        watch: is told what changes, and remembers restarts from an earlier life of the tree.

    Raises:
        StartFailed: a child of the root did not start.
        GaveUp: the root saw more restarts than its intensity allows; the block is cancelled.
        TreeEnded: as :meth:`Tree.wait`; the block is cancelled.
        AlreadyRunning: another tree writes to the log directory.
        StorageFailed: the log directory cannot be used.
        PlatformNotSupported: there is no backend for this system.
        InvalidConfig: ``preload`` or ``start_method`` cannot work.
        ScriptNotGuarded: this is a script that is imported for an actor's process.
    """
    check_guard()
    if isinstance(preload, str):
        raise InvalidConfig("preload", preload, f"a list of modules, such as [{preload!r}]")
    if spec.isolation != "task":
        wanted = "'task' for the root, which lives in the program that opens the tree"
        raise InvalidConfig("isolation", spec.isolation, wanted)
    feed = EventLog(handler=on_event)
    with LogDirectory(log_directory or default_log_directory(spec.name)) as directory:
        capture = Capture(directory, tap=tap, on_problem=_problem_listener(feed), log=log)
        try:
            async with backend or open_backend(_reaper_listener(feed)) as opened:
                services = Services(
                    opened,
                    handed_to(capture.attach),
                    tuple(preload),
                    start_method,
                    check_log=_checked_by(capture),
                )
                watch = watch or Watch()
                world = World(services, feed, random, watch=watch, parked=parked, logs=capture)
                async with running(Tree(spec, world), wait_up=wait_up) as tree:
                    yield tree
        finally:
            # A slow disk must not block the loop, nor a cancellation lose the last lines.
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(capture.close)
            feed.close()


@asynccontextmanager
async def running(tree: Tree, *, wait_up: bool) -> AsyncIterator[Tree]:
    """Run ``tree`` beside the block, in a world that the caller has made.

    Everything else is as in :func:`open_tree`, which makes a world with logs around it.
    """
    error: BaseException | None = None
    block = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tree.live, nursery)
        try:
            if wait_up:
                await tree.wait_up()
                nursery.start_soon(_cancel_on_give_up, tree, block)
            with block:
                yield tree
        except BaseException as raised:
            error = raised  # carried past the nursery, which would put it in a group
        tree.stop()
        with trio.CancelScope(shield=True):
            await tree.ended.wait()
        nursery.cancel_scope.cancel()  # who waits for ends of actors elsewhere has been told
    if error is not None:
        raise error
    tree.check_end()


async def _cancel_on_give_up(tree: Tree, block: trio.CancelScope) -> None:
    try:
        await tree.wait()
    except (GaveUp, TreeEnded):
        block.cancel()


def _problem_listener(log: EventLog) -> OnProblem:
    """Return what turns the capture's problems, told in its own thread, into events."""
    token = trio.lowlevel.current_trio_token()

    def emit(address: str, number: int, lost: int) -> None:
        log.emit(events.OutputLost, address=address, errno=number, lost=lost)

    return lambda *problem: token.run_sync_soon(emit, *problem)


def _checked_by(capture: Capture) -> CheckLog:
    """Return what sees whether a log can be written, without waiting for a stuck disk."""

    async def check(address: str, log: Log) -> None:
        with trio.move_on_after(_CHECK_PATIENCE) as patience:
            await trio.to_thread.run_sync(capture.check, address, log, abandon_on_cancel=True)
        if patience.cancelled_caught:
            raise StorageFailed(f"the log of {address}", errno.ETIMEDOUT, "a disk that answers")

    return check


def _reaper_listener(log: EventLog) -> Callable[[str, int], None]:
    def listener(detail: str, pid: int) -> None:
        log.emit(events.ReaperRestarted, address="/", detail=detail, pid=pid)

    return listener
