"""Handles: children of a running tree, and its supervisors, as programs see them."""

from __future__ import annotations

import zlib
from collections.abc import Hashable
from typing import Any, Protocol

import trio

from supctl.actors.app.actor import AppActor
from supctl.actors.process.worker import ProcessWorker
from supctl.actors.ref import Ref
from supctl.actors.worker import WorkerActor
from supctl.errors import InvalidConfig, InvalidState, ProcessNotFound, Unsupported
from supctl.exits import ExitReason
from supctl.specs import ChildSpec, DynamicSupervisor, PartitionSupervisor, Restart

from . import messages as m
from .child import Child, join, names_of, policy_of
from .messages import Counts
from .node import SupervisorActor
from .status import ChildStatus, status_of


class Finder(Protocol):
    """Who knows where a child is now; its supervisor may have been restarted."""

    def find(self, address: str) -> tuple[SupervisorActor, Child]:
        """Return the supervisor that holds ``address`` and its record of the child."""
        ...

    def find_supervisor(self, address: str) -> SupervisorActor:
        """Return the supervisor at ``address``, which runs."""
        ...


class Handle:
    """One child of a running tree, by its address. Outlives the child's lives."""

    def __init__(self, tree: Finder, address: str) -> None:
        self._tree, self.address = tree, address

    def _find(self) -> tuple[SupervisorActor, Child]:
        return self._tree.find(self.address)

    @property
    def status(self) -> ChildStatus:
        """All that is to be said of it at this moment."""
        node, child = self._find()
        return node.status_of(child, self.address.count("/") - 1)

    @property
    def state(self) -> str:
        """Its state as people see it: ``running``, ``backoff``, ``failed``, ..."""
        node, child = self._find()
        return node.state_of(child)

    @property
    def spec(self) -> ChildSpec:
        """What it was made of."""
        return self._find()[1].spec

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
        if not isinstance(child.life, WorkerActor | ProcessWorker):
            raise InvalidState(self.address, node.state_of(child), "a worker that runs")
        return child.life.ref

    def signal(self, number: int) -> None:
        """Send a signal to the process group of an app, or of a worker's process. Never blocks.

        Raises:
            InvalidState: it has no process, or none now.
        """
        node, child = self._find()
        if not isinstance(child.life, AppActor | ProcessWorker) or not child.pid:
            raise InvalidState(self.address, node.state_of(child), "a process that runs")
        child.life.signal(number)

    async def stop(self) -> None:
        """Stop it in order and return when nothing of it lives. It stays stopped.

        Cancelling does not take the request back.
        """
        node, child = self._find()
        if node.knows(child):  # else it is temporary, and has ended
            await node.ask(lambda token: m.TerminateChild(child.name, token))

    async def start(self) -> None:
        """Start it after it was stopped, has ended or failed; return when it runs.

        Raises:
            InvalidState: it runs already, or its restart is due.
            StartFailed: it did not start.
        """
        node, child = self._find()
        if node.knows(child):
            await node.ask(lambda token: m.RestartChild(child.name, token))
        else:
            policy = policy_of(child.name, child.spec)
            await node.ask(lambda token: m.StartChild(policy, token), child=child)

    async def restart(self) -> None:
        """Stop it, then start it, as :meth:`stop` and :meth:`start` do."""
        await self.stop()
        await self.start()


class SupervisorHandle:
    """One supervisor of a running tree, by its address: OTP's requests.

    They are answered in order of arrival, between what else the supervisor does. Cancelling
    gives up the answer; the request may still be carried out.

    All raise :class:`~supctl.errors.InvalidState` when it does not run, or ends before it has
    answered.
    """

    def __init__(self, tree: Finder, address: str) -> None:
        self._tree, self.address = tree, address

    @property
    def _node(self) -> SupervisorActor:
        return self._tree.find_supervisor(self.address)

    def _handle(self, name: str) -> Handle:
        return Handle(self._tree, join(self.address, name))

    async def start_child(self, spec: ChildSpec) -> Handle | None:
        """Add a child behind all others and start it; it is lost when the supervisor restarts.

        Returns:
            Its handle, or ``None`` if it found itself not needed (:data:`supctl.IGNORE`).

        Raises:
            AlreadyRunning: a child of that name runs.
            AlreadyPresent: one of that name is there, but does not run.
            StartFailed: it did not start, and is forgotten.
            InvalidConfig: it is significant where nobody minds, depends on a stranger, or has
                several instances.
            Unsupported: the supervisor is dynamic.
        """
        node = self._node
        if isinstance(node.spec, DynamicSupervisor):
            raise Unsupported("start_child", "a dynamic supervisor", "use start_instance")
        node.spec.check_child(spec)
        if names_of(spec) != [spec.name]:
            raise InvalidConfig("instances", len(names_of(spec)), "1 for a child that is added")
        return await self._add(node, spec, _needed(node, spec))

    async def start_instance(
        self, *args: Any, name: str | None = None, **kwargs: Any
    ) -> Handle | None:
        """Start a child of a dynamic supervisor from its template.

        Args:
            args, kwargs: added to those of the template (of an App: words of its command).
            name: a free number if ``None``.

        Returns, raises:
            As :meth:`start_child`; :class:`~supctl.errors.Unsupported` if it is not dynamic.
        """
        node = self._node
        if not isinstance(node.spec, DynamicSupervisor):
            raise Unsupported("start_instance", "a supervisor without template", "use start_child")
        free = str(next(node.numbers))  # taken at once: others may ask while this one starts
        while name is None and free in node.children:
            free = str(next(node.numbers))
        return await self._add(
            node, node.spec.make(free if name is None else name, args, kwargs), ()
        )

    async def _add(
        self, node: SupervisorActor, spec: ChildSpec, depends_on: tuple[str, ...]
    ) -> Handle | None:
        child = Child(spec.name, join(self.address, spec.name), spec, is_static=False)
        policy = policy_of(spec.name, spec, depends_on)
        run = await node.ask(lambda token: m.StartChild(policy, token), child=child)
        return None if run is None else self._handle(spec.name)

    async def terminate_child(self, name: str) -> None:
        """Stop a child. Its spec stays, unless it is temporary or the supervisor dynamic.

        Raises:
            ProcessNotFound: there is none of that name.
        """
        await self._node.ask(lambda token: m.TerminateChild(name, token))

    async def restart_child(self, name: str) -> Handle | None:
        """Start a child that does not run. Returns as :meth:`start_child` does.

        Raises:
            ProcessNotFound: there is none of that name.
            InvalidState: it runs, or its restart is due.
            StartFailed: it did not start; it stays stopped.
            Unsupported: the supervisor is dynamic.
        """
        run = await self._node.ask(lambda token: m.RestartChild(name, token))
        return None if run is None else self._handle(name)

    async def delete_child(self, name: str) -> None:
        """Forget a child that does not run. It is back when the supervisor restarts.

        Raises:
            ProcessNotFound: there is none of that name.
            InvalidState: it runs, or its restart is due.
            Unsupported: the supervisor is dynamic.
        """
        node = self._node
        await node.ask(lambda token: m.DeleteChild(name, token), view=lambda _: node.forget(name))

    async def which_children(self) -> list[ChildStatus]:
        """Return a view of every child that the supervisor knows, the latest first."""
        node = self._node

        def view(rows: list[tuple[str, m.ChildState]]) -> list[ChildStatus]:
            depth, now = self.address.rstrip("/").count("/"), trio.current_time()
            return [status_of(node.children[name], state, None, now, depth) for name, state in rows]

        children: list[ChildStatus] = await node.ask(m.WhichChildren, view=view)
        return children

    async def count_children(self) -> Counts:
        """Return how many children there are and live."""
        counts: Counts = await self._node.ask(m.CountChildren)
        return counts

    def get_child_spec(self, name: str) -> ChildSpec:
        """Return the spec of a child, all defaults filled in.

        Raises:
            ProcessNotFound: there is none of that name.
        """
        node = self._node
        child = node.children.get(name)
        if child is None or not node.knows(child):
            raise ProcessNotFound(join(self.address, name), tuple(node.children))
        return child.spec

    def route(self, key: Hashable) -> Handle:
        """Return the child of a partition supervisor that is responsible for ``key``.

        The same for equal keys, in every process and every run: numbers go round, everything
        else by the CRC-32 of its ``repr``.

        Raises:
            Unsupported: it is no partition supervisor.
        """
        spec = self._node.spec
        if not isinstance(spec, PartitionSupervisor):
            raise Unsupported("route", "a supervisor without partitions", "name the child")
        number = key if isinstance(key, int) else zlib.crc32(repr(key).encode())
        return self._handle(str(number % spec.partitions + 1))


def _needed(node: SupervisorActor, spec: ChildSpec) -> tuple[str, ...]:
    """Return the names of the children that ``spec`` depends on; all must be there."""
    needed: list[str] = []
    for dependency in spec.depends_on:
        found = [child for child in node.children.values() if child.spec.name == dependency]
        if not found or found[0].spec.restart is Restart.TEMPORARY:
            wanted = "names of children that are there and not temporary"
            raise InvalidConfig(f"{spec.name}.depends_on", dependency, wanted)
        needed += [child.name for child in found]
    return tuple(needed)
