"""A running tree, as a test sees it, and the fixture's side of starting one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import trio
import trio.testing

from supctl.errors import InvalidConfig, StartFailed, SupctlError, Unsupported
from supctl.events import Event
from supctl.exits import ExitReason
from supctl.specs import App, Supervisor, Worker
from supctl.supervision.eventlog import Subscription
from supctl.supervision.handle import Handle
from supctl.supervision.status import ChildStatus
from supctl.supervision.tree import Tree

from .app import SupervisedApp
from .leaks import end_abandoned
from .shelf import Shelf
from .stage import Stage, real_stage
from .view import AppView

OpenStage: TypeAlias = Callable[[Supervisor, Path], AbstractAsyncContextManager[Stage]]


class SupervisedTree:
    """A running tree; made by the fixtures ``supervised`` and ``simulated_world``.

    Attributes:
        tree: all else that a running tree can do (:class:`supctl.Tree`).
        nursery: ends with the test; for what is to run as long as the tree may.
        note: adds a section to the report of the test, if that fails: title and text.
    """

    def __init__(
        self, stage: Stage, nursery: trio.Nursery, note: Callable[[str, str], None]
    ) -> None:
        self.tree: Tree = stage.tree
        self.nursery, self.note = nursery, note
        self._stage = stage
        self._apps: dict[str, SupervisedApp] = {}
        self._headlines: dict[str, str] = {}  # as they were when the test ended

    @property
    def name(self) -> str:
        """The name of the root."""
        return self.tree.name

    def __getitem__(self, address: str) -> SupervisedApp:
        """Return the app at ``address``, such as ``"web/api:2"``; always the same object.

        Raises:
            ProcessNotFound: there is none; says which there are.
        """
        key = "/" + address.strip("/")
        if key not in self._apps:
            self._apps[key] = SupervisedApp(self._stage, self.tree[address])
        return self._apps[key]

    def apps(self) -> list[SupervisedApp]:
        """Return all apps that are there now, in start order."""
        return [self[child.address] for child in self.status() if child.kind == "app"]

    def status(self) -> list[ChildStatus]:
        """Return a view of every child, in start order, supervisors before their children."""
        return self.tree.status()

    @property
    def latest_events(self) -> tuple[Event, ...]:
        """The latest events, oldest first, 1,000 at the most."""
        return self.tree.latest_events

    def events(self) -> AsyncIterator[Event]:
        """Yield events as they happen; ends with the tree."""
        return self.tree.events()

    def subscribe(self) -> AbstractContextManager[Subscription]:
        """Return a context manager that gives the events from its entry on."""
        return self.tree.subscribe()

    async def wait(self) -> ExitReason:
        """Return why the root ended, once nothing of the tree lives. Cancelling is harmless.

        Raises:
            GaveUp: the root saw more restarts than its intensity allows.
        """
        try:
            return await self.tree.wait()
        finally:
            self._stage.record.is_end_told = self.tree.ended.is_set()

    # For the fixtures.

    def story(self) -> dict[str, str]:
        """Return, by address, what is to be told of every app: its state at the test's end.

        Not for the trio thread.
        """
        apps = self._apps_seen()
        for app in apps:
            app.wait_last_words()
        return {app.address: app.story(self._headlines.get(app.address, "")) for app in apps}

    def _apps_seen(self) -> list[AppView]:
        seen = self._stage.record.seen
        return [AppView(self._stage, Handle(self.tree, address)) for address in seen]

    def end_if_abandoned(self) -> None:
        """Kill the apps if their loop has broken down under them. For any thread."""
        if not self.tree.ended.is_set():
            end_abandoned([app.pid for app in self._apps_seen() if app.pid])

    def end_test(self) -> SupctlError | None:
        """Keep the headlines, and let go on what hangs: it could not be stopped in order.

        Returns what the tree has died of, if it has, and nobody in the test has been told.
        """
        self._headlines = {app.address: app.headline() for app in self._apps_seen()}
        for app in self._apps.values():
            app.let_go()
        try:
            self.tree.check_end()
        except SupctlError as error:
            return None if self._stage.record.is_end_told else error
        return None


class Supervised:
    """Starts trees for one asynchronous test: the fixture ``supervised``.

    Args:
        nursery: the trees live in it; they are stopped when it is cancelled.
        shelf: keeps what the report of the test may need.
    """

    def __init__(self, nursery: trio.Nursery, shelf: Shelf) -> None:
        self._nursery, self._shelf = nursery, shelf

    async def __call__(self, *specs: Supervisor | App | Worker) -> SupervisedTree:
        """Start a tree and return it when all children of the root run.

        Args:
            specs: one :class:`Supervisor`, or the children of a root that bears any number of
                restarts.

        Raises:
            StartFailed: a child of the root did not start; what had started is stopped again.
            InvalidConfig: something else was given.
            Unsupported: the test runs in virtual time.
        """
        if isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock):
            instead = "give its programs to simulated_world, or leave the clock alone"
            raise Unsupported("supervised", "a test in virtual time", instead)
        return await self.start(root_of("supervised", specs), real_stage)

    async def start(self, spec: Supervisor, open_stage: OpenStage) -> SupervisedTree:
        """Run a tree on a stage until the nursery is cancelled."""
        tree: SupervisedTree = await self._nursery.start(self._live, spec, open_stage)
        return tree

    async def _live(
        self,
        spec: Supervisor,
        open_stage: OpenStage,
        task_status: trio.TaskStatus[SupervisedTree],
    ) -> None:
        async with open_stage(spec, self._shelf.make_directory()) as stage:
            tree = SupervisedTree(stage, self._nursery, self._shelf.note)
            self._shelf.add(tree)
            try:
                await stage.tree.wait_up()
                task_status.started(tree)
                await trio.sleep_forever()
            except StartFailed:
                stage.record.is_end_told = True
                raise
            finally:
                if (failure := tree.end_test()) is not None:
                    self._shelf.failures.append(failure)


def root_of(fixture: str, specs: tuple[Supervisor | App | Worker, ...]) -> Supervisor:
    """Return the root that was meant: the one supervisor, or one around apps and workers.

    Raises:
        InvalidConfig: naming the fixture, for anything else.
    """
    match specs:
        case (Supervisor() as root,):
            return root
        case () | (Supervisor(), *_):
            pass
        case _ if all(isinstance(spec, App | Worker | Supervisor) for spec in specs):
            return Supervisor("test", specs, max_restarts=None)
    got = specs[0] if len(specs) == 1 else specs
    raise InvalidConfig(fixture, got, "one Supervisor, or one or several Apps")
