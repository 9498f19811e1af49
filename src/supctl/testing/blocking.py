"""Trees for plain synchronous tests: they run in a trio loop in a thread of their own.

Every class here is the twin of an asynchronous one, with the same names and without ``await``.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from functools import partial
from re import Match, Pattern
from types import TracebackType
from typing import Self, TypeVar

import outcome
import trio

from supctl.errors import SupctlError
from supctl.events import Event
from supctl.exits import ExitReason
from supctl.specs import App, Supervisor, Worker
from supctl.supervision.status import ChildStatus

from .app import DEFAULT_TIMEOUT, SupervisedApp
from .conditions import Condition
from .shelf import Shelf
from .tree import Supervised, SupervisedTree

T = TypeVar("T")


class Portal:
    """A trio loop in a thread, and the way in for other threads. A context manager.

    The thread is started at the first call. Leaving it cancels what runs in the loop.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._result: outcome.Maybe[None] = outcome.Value(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._token.run_sync_soon(self.nursery.cancel_scope.cancel)
            self._thread.join()
            self._result.unwrap()

    def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run an async function in the loop and return what it returns."""
        self._open()
        try:
            return trio.from_thread.run(work, trio_token=self._token)
        except SupctlError as error:
            raise error.with_traceback(None) from None  # the loop's frames say nothing to a test

    def ask(self, work: Callable[[], T]) -> T:
        """Run a plain function in the loop and return what it returns."""
        self._open()
        try:
            return trio.from_thread.run_sync(work, trio_token=self._token)
        except SupctlError as error:
            raise error.with_traceback(None) from None

    def _open(self) -> None:
        if self._thread is None:
            ready = threading.Event()
            # A daemon: were it stuck, the end of the interpreter must not wait for it.
            self._thread = threading.Thread(
                target=self._run, args=[ready], name="supctl-portal", daemon=True
            )
            self._thread.start()
            ready.wait()

    def _run(self, ready: threading.Event) -> None:
        self._result = outcome.capture(trio.run, self._main, ready)

    async def _main(self, ready: threading.Event) -> None:
        async with trio.open_nursery() as self.nursery:
            self._token = trio.lowlevel.current_trio_token()
            ready.set()
            await trio.sleep_forever()


class BlockingApp:
    """One app of a running tree: :class:`SupervisedApp` without ``await``."""

    def __init__(self, portal: Portal, app: SupervisedApp) -> None:
        self._portal, self._app = portal, app

    @property
    def address(self) -> str:
        """See :attr:`SupervisedApp.address`."""
        return self._app.address

    @property
    def pid(self) -> int:
        """See :attr:`SupervisedApp.pid`."""
        return self._portal.ask(lambda: self._app.pid)

    @property
    def state(self) -> str:
        """See :attr:`SupervisedApp.state`."""
        return self._portal.ask(lambda: self._app.state)

    @property
    def reason(self) -> ExitReason | None:
        """See :attr:`SupervisedApp.reason`."""
        return self._portal.ask(lambda: self._app.reason)

    @property
    def restarts(self) -> int:
        """See :attr:`SupervisedApp.restarts`."""
        return self._portal.ask(lambda: self._app.restarts)

    @property
    def output(self) -> str:
        """See :attr:`SupervisedApp.output`."""
        return self._portal.ask(lambda: self._app.output)

    def wait_ready(
        self, condition: Condition | None = None, *, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        """See :meth:`SupervisedApp.wait_ready`."""
        self._portal.call(partial(self._app.wait_ready, condition, timeout=timeout))

    def wait_state(self, state: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """See :meth:`SupervisedApp.wait_state`."""
        self._portal.call(partial(self._app.wait_state, state, timeout=timeout))

    def wait_restarted(self, times: int = 1, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """See :meth:`SupervisedApp.wait_restarted`."""
        self._portal.call(partial(self._app.wait_restarted, times, timeout=timeout))

    def wait_output(
        self, pattern: str | bytes | Pattern[bytes], *, timeout: float = DEFAULT_TIMEOUT
    ) -> Match[bytes]:
        """See :meth:`SupervisedApp.wait_output`."""
        return self._portal.call(partial(self._app.wait_output, pattern, timeout=timeout))

    def crash(self) -> None:
        """See :meth:`SupervisedApp.crash`."""
        self._portal.ask(self._app.crash)

    def kill(self) -> None:
        """See :meth:`SupervisedApp.kill`."""
        self._portal.ask(self._app.kill)

    def hang(self, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """See :meth:`SupervisedApp.hang`."""
        self._portal.call(partial(self._app.hang, timeout=timeout))

    def resume(self) -> None:
        """See :meth:`SupervisedApp.resume`."""
        self._portal.ask(self._app.resume)

    def signal(self, number: int) -> None:
        """See :meth:`SupervisedApp.signal`."""
        self._portal.ask(partial(self._app.signal, number))

    def stop(self) -> None:
        """See :meth:`SupervisedApp.stop`."""
        self._portal.call(self._app.stop)

    def start(self) -> None:
        """See :meth:`SupervisedApp.start`."""
        self._portal.call(self._app.start)

    def restart(self) -> None:
        """See :meth:`SupervisedApp.restart`."""
        self._portal.call(self._app.restart)


class BlockingTree:
    """A running tree: :class:`SupervisedTree` without ``await``.

    Attributes:
        portal: the way to the loop that it runs in.
        inner: the tree itself, for who works in that loop.
    """

    def __init__(self, portal: Portal, inner: SupervisedTree) -> None:
        self.portal, self.inner = portal, inner

    @property
    def name(self) -> str:
        """The name of the root."""
        return self.inner.name

    def __getitem__(self, address: str) -> BlockingApp:
        """See :meth:`SupervisedTree.__getitem__`."""
        return BlockingApp(self.portal, self.portal.ask(lambda: self.inner[address]))

    def apps(self) -> list[BlockingApp]:
        """See :meth:`SupervisedTree.apps`."""
        return [BlockingApp(self.portal, app) for app in self.portal.ask(self.inner.apps)]

    def status(self) -> list[ChildStatus]:
        """See :meth:`SupervisedTree.status`."""
        return self.portal.ask(self.inner.status)

    @property
    def latest_events(self) -> tuple[Event, ...]:
        """See :attr:`SupervisedTree.latest_events`."""
        return self.portal.ask(lambda: self.inner.latest_events)

    def wait(self) -> ExitReason:
        """See :meth:`SupervisedTree.wait`."""
        return self.portal.call(self.inner.wait)


class BlockingSupervised:
    """Starts trees for one synchronous test: the fixture ``supervised``."""

    def __init__(self, portal: Portal, shelf: Shelf) -> None:
        self._portal, self._shelf = portal, shelf

    def __call__(self, *specs: Supervisor | App | Worker) -> BlockingTree:
        """See :meth:`Supervised.__call__`."""

        async def start() -> SupervisedTree:
            return await Supervised(self._portal.nursery, self._shelf)(*specs)

        return BlockingTree(self._portal, self._portal.call(start))
