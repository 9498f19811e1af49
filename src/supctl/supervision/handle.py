"""Handles: children of a running tree, and its supervisors, as programs see them."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Mapping
from typing import Any, Protocol

import trio

from supctl.actors.incarnation import Checkup
from supctl.actors.ref import Ref
from supctl.errors import InvalidConfig, InvalidState, Unsupported
from supctl.events import Event
from supctl.exits import ExitReason
from supctl.logs.capture import Capture
from supctl.logs.meter import StreamReport
from supctl.logs.ring import LastLine
from supctl.specs import App, ChildSpec, DynamicSupervisor, PartitionSupervisor
from supctl.specs.dependencies import Condition, check_condition

from .child import join, names_of, own_spec
from .messages import Counts
from .node import Node
from .output import OutputLines, Written, outputs_of
from .status import ChildStatus


class Finder(Protocol):
    """Who knows where a child is now; its supervisor may have been restarted."""

    def find(self, address: str) -> tuple[Node, str]:
        """Return the supervisor that holds the child at ``address``, and the child's name."""
        ...

    def find_supervisor(self, address: str) -> Node:
        """Return the supervisor at ``address``, which runs."""
        ...

    def story(self, address: str) -> list[Event]:
        """Return what has happened to the child at ``address``, and what has led to that."""
        ...

    @property
    def logs(self) -> Capture:
        """What keeps the output of programs."""
        ...

    @property
    def ended(self) -> trio.Event:
        """Set when nothing of the tree lives any more."""
        ...


class Handle:
    """One child of a running tree, by its address. Outlives the child's lives."""

    def __init__(self, tree: Finder, address: str) -> None:
        self._tree, self.address = tree, address

    @property
    def status(self) -> ChildStatus:
        """All that is to be said of it at this moment."""
        node, name = self._tree.find(self.address)
        return node.status_of(name, self.address.count("/") - 1)

    @property
    def state(self) -> str:
        """Its state as people see it: ``running``, ``backoff``, ``failed``, ..."""
        node, name = self._tree.find(self.address)
        return node.state_of(name)

    @property
    def spec(self) -> ChildSpec:
        """What it was made of; an instance has its own number and port in it."""
        node, name = self._tree.find(self.address)
        return own_spec(node.spec_of(name), name)

    @property
    def pid(self) -> int:
        """The pid of its main process; 0 if it has none now."""
        node, name = self._tree.find(self.address)
        return node.pid_of(name)

    @property
    def restarts(self) -> int:
        """Automatic restarts so far."""
        node, name = self._tree.find(self.address)
        return node.restarts_of(name)

    @property
    def reason(self) -> ExitReason | None:
        """Why it ended last; ``None`` if it never did."""
        node, name = self._tree.find(self.address)
        return node.reason_of(name)

    @property
    def logs(self) -> list[StreamReport]:
        """Figures about its output, standard output first; none before it was first started."""
        return self._tree.logs.report(self.address)

    @property
    def last_lines(self) -> list[LastLine]:
        """The last lines of all its lives, 200 at most, the oldest first."""
        return self._tree.logs.last_lines(self.address)

    def why(self) -> list[Event]:
        """Return what has happened to it and all that has led to that, the oldest first.

        As far as the latest events of the tree reach; under the daemon ``supctl why`` knows more.
        """
        return self._tree.story(self.address)

    async def output(self, stream: str = "both") -> str:
        """Return what it has written in all its lives, as far as the files are kept; what is no
        UTF-8 as escapes. A line is there some tens of microseconds after it was written.

        Args:
            stream: ``stdout``, ``stderr``, or ``both``: by time where the mode of the log tells
                that, else standard error behind standard output.

        Raises:
            Unsupported: its output goes to no file.
            InvalidConfig: there is no such stream.
            StorageFailed: a file cannot be read.
        """
        return (await self.output_bytes(stream)).decode("utf-8", "backslashreplace")

    async def output_bytes(self, stream: str = "both") -> bytes:
        """Return the same, byte for byte. Raises as :meth:`output`."""
        return await self._written(stream).read()

    def follow(self, *, last: int = 0, stream: str = "both") -> OutputLines:
        """Return lines that it writes, for ``async for``: from when that begins, over restarts
        and rotations, each once, until the tree ends. Who reads slowly misses nothing.

        A line has ``text`` (bytes without its end; ``str(line)`` is that as text), ``stream`` and
        ``at_wall``, the time when it came, ``None`` if that is not known.

        Args:
            last: how many lines of before come first.
            stream: as of :meth:`output`, and raises as that.
        """
        return self._written(stream).follow(last, self._tree.ended)

    def _written(self, stream: str) -> Written:
        return Written(outputs_of(self._tree.logs, self.address, self.spec), self.address, stream)

    @property
    def ref(self) -> Ref[Any]:
        """A reference to the present life of a worker.

        Raises:
            InvalidState: it is no worker, or does not run.
        """
        node, name = self._tree.find(self.address)
        ref = node.ref_of(name)
        if ref is None:
            raise InvalidState(self.address, node.state_of(name), "a worker that runs")
        return ref

    async def checkup(self) -> Checkup | None:
        """Return what is known of its present life by asking it (``ready``, ``health``).

        Returns:
            ``None`` if it has no life, or nobody asks.
        """
        node, name = self._tree.find(self.address)
        return await node.checkup(name)

    def signal(self, number: int) -> None:
        """Send a signal to the process group of an app, or of an actor or a supervisor that has
        a process of its own. Never blocks.

        Raises:
            InvalidState: it has no process, or none now.
        """
        node, name = self._tree.find(self.address)
        if not node.pid_of(name):
            raise InvalidState(self.address, node.state_of(name), "a process that runs")
        node.signal(name, number)

    def pause(self) -> None:
        """Have all processes of an app stand still (SIGSTOP). Never blocks.

        Its time goes on: what waits for it does, and a stop lets it go on first.

        Raises:
            Unsupported: it is no app.
            InvalidState: it does not run, or is paused already.
        """
        node, name = self._find_app("pause")
        if (state := node.state_of(name)) not in ("running", "ready", "detached"):
            raise InvalidState(self.address, state, "an app that runs")
        node.pause(name)

    def resume(self) -> None:
        """Let the processes of a paused app go on. Never blocks.

        Raises:
            Unsupported: it is no app.
            InvalidState: it is not paused.
        """
        node, name = self._find_app("resume")
        if (state := node.state_of(name)) != "paused":
            raise InvalidState(self.address, state, "an app that is paused")
        node.resume(name)

    def _find_app(self, method: str) -> tuple[Node, str]:
        node, name = self._tree.find(self.address)
        if not isinstance(node.spec_of(name), App):
            raise Unsupported(method, f"{self.address}, which is no app", "name an app")
        return node, name

    def reset(self) -> None:
        """Count its automatic restarts from 0 again, for its limits and its back-off too; what
        waits for that waits on. Never blocks."""
        node, name = self._tree.find(self.address)
        node.reset(name)

    async def stop(self, *, force: bool = False) -> None:
        """Stop it in order and return when nothing of it lives. It stays stopped.

        A stop is not a crash: it does not count as a restart, and those so far are forgotten. If
        it waits for its restart, that is called off. Cancelling does not take the request back.

        Args:
            force: do not ask it, and give it no time: kill it with all that it has started, and
                a supervisor with all below it. Overtakes a stop in order that is under way.

        Raises:
            TerminateFailed: something of it lives on after SIGKILL, and ``Stop.force`` is over.
        """
        node, name = self._tree.find(self.address)
        await node.stop(name, force)

    async def start(self) -> None:
        """Start it after it was stopped, has ended or failed; return when it runs.

        Under a supervisor with ``start_failures="retry"`` it may not run, and wait for its next
        attempt: :attr:`state` says so.

        Raises:
            InvalidState: it runs already, or its restart is due.
            StartFailed: it did not start.
        """
        node, name = self._tree.find(self.address)
        await node.start(name)

    async def restart(self) -> None:
        """Stop it and start it, whatever it does now, and return when it runs again.

        Restarts of two callers that overlap are one. Cancelling does not take the request back.

        Raises:
            StartFailed: it did not start; not under ``start_failures="retry"``, as :meth:`start`.
            InvalidState: somebody has called the start off.
        """
        node, name = self._tree.find(self.address)
        await node.renew(name)

    async def delete(self) -> None:
        """Stop it, if it runs, starts or waits for that, and forget it.

        It is back when its supervisor restarts, if that has it from the beginning.

        Raises:
            TerminateFailed: as :meth:`stop`; it is not forgotten.
            InvalidState: somebody has started it while it was about to be forgotten.
        """
        node, name = self._tree.find(self.address)
        await node.drop(name)


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
    def _node(self) -> Node:
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
            StartFailed: it did not start, and is forgotten. With ``start_failures="retry"`` it
                is kept instead, and waits for its next attempt.
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
        return await self._add(node, node.spec.adopt(spec), _needed(node, spec))

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
        free = str(node.next_number())  # taken at once: others may ask while this one starts
        while name is None and free in node.names():
            free = str(node.next_number())
        return await self._add(
            node, node.spec.make(free if name is None else name, args, kwargs), {}
        )

    async def _add(
        self, node: Node, spec: ChildSpec, depends_on: Mapping[str, Condition]
    ) -> Handle | None:
        return self._handle(spec.name) if await node.add_child(spec, depends_on) else None

    async def terminate_child(self, name: str) -> None:
        """Stop a child. Its spec stays, unless it is temporary or the supervisor dynamic.

        Raises:
            ProcessNotFound: there is none of that name.
            TerminateFailed: as :meth:`Handle.stop`.
        """
        await self._node.terminate_child(name)

    async def restart_child(self, name: str) -> Handle | None:
        """Start a child that does not run. Returns as :meth:`start_child` does.

        Raises:
            ProcessNotFound: there is none of that name.
            InvalidState: it runs, or its restart is due.
            StartFailed: it did not start; it stays stopped.
            Unsupported: the supervisor is dynamic.
        """
        return self._handle(name) if await self._node.restart_child(name) else None

    async def delete_child(self, name: str) -> None:
        """Forget a child that does not run. It is back when the supervisor restarts.

        Raises:
            ProcessNotFound: there is none of that name.
            InvalidState: it runs, or its restart is due.
            Unsupported: the supervisor is dynamic.
        """
        await self._node.delete_child(name)

    async def which_children(self) -> list[ChildStatus]:
        """Return a view of every child that the supervisor knows, the latest first."""
        return await self._node.which_children()

    async def count_children(self) -> Counts:
        """Return how many children there are and live."""
        return await self._node.count_children()

    async def get_child_spec(self, name: str) -> ChildSpec:
        """Return the spec of a child, all defaults filled in.

        Raises:
            ProcessNotFound: there is none of that name.
        """
        return await self._node.get_child_spec(name)

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


def _needed(node: Node, spec: ChildSpec) -> dict[str, Condition]:
    """Return what ``spec`` waits for of other children, by their names; all must be there.

    Raises:
        InvalidConfig: one is not there, or can never be what is waited for.
    """
    needed: dict[str, Condition] = {}
    for dependency, condition in spec.depends_on.items():
        found = [name for name in node.names() if node.spec_of(name).name == dependency]
        try:
            if not found:
                raise InvalidConfig("depends_on", dependency, "names of children that are there")
            check_condition(dependency, node.spec_of(found[0]), condition)
        except InvalidConfig as error:
            raise error.within(spec.name) from None
        needed |= dict.fromkeys(found, condition)
    return needed
