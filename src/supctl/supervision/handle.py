"""A handle: one child of a running tree, as programs see it."""

from __future__ import annotations

from typing import Any, Protocol

from supctl.actors.app.actor import AppActor
from supctl.actors.ref import Ref
from supctl.actors.worker import WorkerActor
from supctl.errors import InvalidState
from supctl.exits import ExitReason

from . import messages as m
from .child import Child
from .node import SupervisorActor


class Finder(Protocol):
    """Who knows where a child is now; its supervisor may have been restarted."""

    def find(self, address: str) -> tuple[SupervisorActor, Child]:
        """Return the supervisor that holds ``address`` and its record of the child."""
        ...


class Handle:
    """One child of a running tree, by its address. Outlives the child's lives."""

    def __init__(self, tree: Finder, address: str) -> None:
        self._tree, self.address = tree, address

    def _find(self) -> tuple[SupervisorActor, Child]:
        return self._tree.find(self.address)

    @property
    def state(self) -> str:
        """Its state as people see it: ``running``, ``backoff``, ``failed``, ..."""
        node, child = self._find()
        return node.state_of(child)

    @property
    def pid(self) -> int:
        """The pid of its main process; 0 if it has none now."""
        return self._find()[1].pid

    @property
    def restarts(self) -> int:
        """Automatic restarts so far."""
        return self._find()[1].restarts

    @property
    def reason(self) -> ExitReason | None:
        """Why it ended last; ``None`` if it never did."""
        return self._find()[1].reason

    @property
    def ref(self) -> Ref[Any]:
        """A reference to the present life of a worker.

        Raises:
            InvalidState: it is no worker, or does not run.
        """
        node, child = self._find()
        if not isinstance(child.life, WorkerActor):
            raise InvalidState(self.address, node.state_of(child), "a worker that runs")
        return child.life.ref

    def signal(self, number: int) -> None:
        """Send a signal to the process group of an app. Never blocks.

        Raises:
            InvalidState: it is no app, or has no process now.
        """
        node, child = self._find()
        if not isinstance(child.life, AppActor) or not child.pid:
            raise InvalidState(self.address, node.state_of(child), "an app that runs")
        child.life.signal(number)

    async def stop(self) -> None:
        """Stop it in order and return when nothing of it lives. It stays stopped.

        Cancelling does not take the request back.
        """
        node, child = self._find()
        await node.ask(lambda token: m.TerminateChild(child.name, token))

    async def start(self) -> None:
        """Start it after it was stopped, has ended or failed; return when it runs.

        Raises:
            InvalidState: it runs already, or its restart is due.
            StartFailed: it did not start.
        """
        node, child = self._find()
        await node.ask(lambda token: m.RestartChild(child.name, token))

    async def restart(self) -> None:
        """Stop it, then start it, as :meth:`stop` and :meth:`start` do."""
        await self.stop()
        await self.start()
