"""What is seen here of supervisors that run in another process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import trio

from supctl.actors.incarnation import Checkup
from supctl.actors.ref import Ref
from supctl.exits import ExitReason
from supctl.specs import ChildSpec, Supervisor
from supctl.specs.dependencies import Condition
from supctl.supervision.child import Child, expand
from supctl.supervision.messages import ChildState, Counts
from supctl.supervision.node import Node
from supctl.supervision.status import ChildStatus, status_of


class Below(Protocol):
    """The process below, in which they run."""

    async def ask(self, address: str, method: str, *args: Any) -> Any:
        """Call a method of the supervisor at ``address``. Raises InvalidState if it is gone."""
        ...

    def tell(self, method: str, *args: Any) -> None:
        """Tell the host something; what is told to somebody who is gone goes nowhere."""
        ...


@dataclass(slots=True, eq=False)
class Glimpse:
    """A child as it was when it was last heard of.

    Args:
        spec: what it was made of.
        status: the view of it, as of ``at``, a time of this process.
        ref: to its present life, if it is an actor.
    """

    spec: ChildSpec
    status: ChildStatus
    at: float
    ref: Ref[Any] | None = None

    def now(self, depth: int) -> ChildStatus:
        """Return the view of it at this moment."""
        passed, status = trio.current_time() - self.at, self.status
        return replace(
            status,
            uptime=None if status.uptime is None else status.uptime + passed,
            due_in=None if status.due_in is None else max(0.0, status.due_in - passed),
            depth=depth,
        )


class MirrorNode(Node):
    """A supervisor of the process below.

    Attributes:
        children: what was heard of its children, in start order.
        nodes: the present lives of those that are supervisors.
    """

    def __init__(
        self, spec: Supervisor, address: str, below: Below, specs: Sequence[ChildSpec]
    ) -> None:
        super().__init__(spec, address)
        self._below = below
        self._state = "starting"
        self._last_number = 0
        self.nodes: dict[str, MirrorNode] = {}
        self.children = {
            child.name: Glimpse(child.spec, _unborn(child), 0.0) for child in expand(specs, address)
        }

    def next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def be(self, state: str) -> None:
        """Know its state."""
        self._state = state

    # What is to be seen.

    @property
    def state(self) -> str:
        return self._state

    def names(self) -> Collection[str]:
        return self.children.keys()

    def spec_of(self, name: str) -> ChildSpec:
        return self.children[name].spec

    def state_of(self, name: str) -> str:
        return self.children[name].status.state

    def pid_of(self, name: str) -> int:
        return self.children[name].status.pid

    def restarts_of(self, name: str) -> int:
        return self.children[name].status.restarts

    def reason_of(self, name: str) -> ExitReason | None:
        return self.children[name].status.reason

    def status_of(self, name: str, depth: int = 0) -> ChildStatus:
        return self.children[name].now(depth)

    def below(self, name: str) -> Node | None:
        return self.nodes.get(name)

    def ref_of(self, name: str) -> Ref[Any] | None:
        return self.children[name].ref

    # What can be done with it.

    def signal(self, name: str, number: int) -> None:
        self._below.tell("signal", self.address, name, number)

    def pause(self, name: str) -> None:
        self._below.tell("pause", self.address, name)

    def resume(self, name: str) -> None:
        self._below.tell("resume", self.address, name)

    def reset(self, name: str) -> None:
        self._below.tell("reset", self.address, name)

    async def start(self, name: str) -> None:
        await self._below.ask(self.address, "start", name)

    async def begin(self, name: str) -> None:
        await self._below.ask(self.address, "begin", name)

    async def stop(self, name: str, force: bool = False) -> None:
        await self._below.ask(self.address, "stop", name, force)

    async def renew(self, name: str) -> None:
        await self._below.ask(self.address, "renew", name)

    async def drop(self, name: str) -> None:
        await self._below.ask(self.address, "drop", name)

    async def respecify(self, spec: Supervisor) -> None:
        await self._below.ask(self.address, "respecify", spec)

    async def checkup(self, name: str) -> Checkup | None:
        known: Checkup | None = await self._below.ask(self.address, "checkup", name)
        return known

    # Requests.

    async def add_child(self, spec: ChildSpec, depends_on: Mapping[str, Condition]) -> bool:
        runs: bool = await self._below.ask(self.address, "add_child", spec, depends_on)
        return runs

    async def terminate_child(self, name: str) -> None:
        await self._below.ask(self.address, "terminate_child", name)

    async def restart_child(self, name: str) -> bool:
        runs: bool = await self._below.ask(self.address, "restart_child", name)
        return runs

    async def delete_child(self, name: str) -> None:
        await self._below.ask(self.address, "delete_child", name)

    async def which_children(self) -> list[ChildStatus]:
        rows: list[ChildStatus] = await self._below.ask(self.address, "which_children")
        return rows

    async def count_children(self) -> Counts:
        counts: Counts = await self._below.ask(self.address, "count_children")
        return counts

    async def get_child_spec(self, name: str) -> ChildSpec:
        spec: ChildSpec = await self._below.ask(self.address, "get_child_spec", name)
        return self.children[name].spec if name in self.children else spec


class Mirror:
    """Shows what a :class:`~.reporter.Reporter` tells.

    Args:
        spec, address: of the supervisor that the process below was started for.
        below: the way there.

    Attributes:
        top: its present life, once its children are known, until it has ended.
    """

    def __init__(self, spec: Supervisor, address: str, below: Below) -> None:
        self._spec, self._address, self._below = spec, address, below
        self._nodes: dict[str, MirrorNode] = {}  # by address

    @property
    def top(self) -> MirrorNode | None:
        return self._nodes.get(self._address)

    def opened(self, address: str, specs: Sequence[ChildSpec] | None) -> None:
        """A supervisor begins; ``specs`` are its children if it has made them just now."""
        above, _, name = address.rpartition("/")
        parent = self._nodes.get(above)
        spec = self._spec if parent is None else parent.spec_of(name)
        assert isinstance(spec, Supervisor)
        node = MirrorNode(spec, address, self._below, spec.children if specs is None else specs)
        self._nodes[address] = node
        if parent is not None:
            parent.nodes[name] = node

    def respecified(self, address: str, spec: Supervisor) -> None:
        """A supervisor, and its children, are made of other specs from now on."""
        node = self._nodes[address]
        others, node.children, node.spec = node.children, {}, spec
        for child in expand(spec.children, address):
            glimpse = others.pop(child.name, None) or Glimpse(child.spec, _unborn(child), 0.0)
            glimpse.spec = child.spec
            node.children[child.name] = glimpse
        node.children |= others

    def closed(self, address: str) -> None:
        """A supervisor has ended."""
        del self._nodes[address]
        above, _, name = address.rpartition("/")
        if above in self._nodes:
            del self._nodes[above].nodes[name]

    def state(self, address: str, state: str) -> None:
        """A supervisor is in that state."""
        self._nodes[address].be(state)

    def added(self, address: str, name: str, spec: ChildSpec) -> None:
        """A supervisor has a new child, behind all others."""
        children = self._nodes[address].children
        children.pop(name, None)
        (child,) = expand([spec], address)
        children[name] = Glimpse(spec, _unborn(child), 0.0)

    def forgotten(self, address: str, name: str) -> None:
        """A supervisor has forgotten a child."""
        del self._nodes[address].children[name]

    def shown(self, address: str, status: ChildStatus, ref: Ref[Any] | None) -> None:
        """A child looks like that now."""
        glimpse = self._nodes[address].children[status.name]
        glimpse.status, glimpse.ref, glimpse.at = status, ref, trio.current_time()

    def living(self) -> Iterator[ChildStatus]:
        """Yield a view of every child that lives, as far as is known, the last one first."""
        rows = [] if self.top is None else self.top.status()
        return (row for row in reversed(rows) if row.uptime is not None)

    def addresses(self) -> list[str]:
        """Return where supervisors run, those below before those above."""
        return list(self._nodes)[::-1]


def _unborn(child: Child) -> ChildStatus:
    return status_of(child, ChildState.STOPPED, None, 0.0, 0)
