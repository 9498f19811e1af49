"""Making a tree that runs be what another spec says, with as little harm as can be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Final

import trio

from supctl.errors import ProcessNotFound, SupctlError
from supctl.specs import ChildSpec, Supervisor
from supctl.specs.dependencies import start_order
from supctl.specs.supervisor import with_children

from .child import expand, join, starts_by_itself
from .handle import Finder
from .node import Node

_TAKEN_OVER: Final = frozenset({
    *("restart", "stays_stopped", "backoff", "give_up_after", "exhausted", "significant"),
    *("essential", "depends_on", "autostart", "max_restarts", "within", "min_uptime"),
    *("stop_exit_codes", "instances", "tags", "has_own_stop"),
})  # fmt: skip
"""Fields that say what is done when a child ends: what runs need not end for another value."""

_TAKEN_OVER_BY_SUPERVISORS: Final = frozenset({
    *("children", "strategy", "intensity", "auto_shutdown", "start", "start_failures", "stop"),
})  # fmt: skip
"""The same for supervisors; ``stop`` is in the specs of their children, too."""

_STOPPED: Final = frozenset({"stopped", "exited"})


@dataclass(frozen=True, slots=True)
class Change:
    """What was done about one child.

    Args:
        address: of the child.
        did: ``"added"``, ``"removed"``, ``"restarted"``, or ``"changed"``: it goes on as it was,
            or does not run, and follows its new spec from now on. Empty if it failed.
        error: why it failed.
    """

    address: str
    did: str
    error: SupctlError | None = None


class Updater:
    """Has supervisors, and all below them, be what their new specs say.

    Args:
        tree: that they are in.
        parked: as of :func:`~.opening.open_tree`; what is new is not started if it is in it.
        note: hears of each child that is not as it was.
    """

    def __init__(
        self, tree: Finder, parked: Container[str], note: Callable[[Change], None]
    ) -> None:
        self._tree, self._parked, self._note = tree, parked, note

    async def update(self, address: str, spec: Supervisor) -> None:
        """Have the supervisor at ``address`` be what ``spec`` says.

        What is gone is stopped first; then what is new is started and what has changed restarted,
        each after those that it depends on. What was stopped stays stopped.

        Raises:
            InvalidState: it does not run.
        """
        node = self._tree.find_supervisor(address)
        old = {name: node.spec_of(name) for name in node.names()}
        new = {child.name: child.spec for child in expand(spec.children, address)}
        before = [child.name for child in expand(node.spec.children, address)]
        gone = [name for name in before if name in old and name not in new]
        await self._each(node, gone, self._remove)
        await node.respecify(spec)
        for names in _levels(spec, new):
            await self._each(node, [name for name in names if name not in old], self._add)
            changed = [name for name in names if name in old and old[name] != new[name]]
            await self._each(node, changed, lambda node, name: self._change(node, name, old[name]))

    async def replace(self, address: str, spec: Supervisor) -> None:
        """Have the supervisor at ``address`` be what ``spec`` says, also after restarts of those
        above it.

        Raises:
            ProcessNotFound, InvalidState: as :meth:`.handle.Finder.find`.
        """
        node, name = self._tree.find(address)
        old = node.spec_of(name)
        await self._tell(node, spec)
        if old != spec:
            changed = partial(self._change, old=old)
            await self._each(node, [name], changed)

    async def _tell(self, node: Node, spec: ChildSpec) -> None:
        """Have a supervisor, and those above it, know that a child of it is made of ``spec``."""
        known = {it.name: it for it in map(node.spec_of, node.names())} | {spec.name: spec}
        own = with_children(node.spec, known.values())
        await node.respecify(own)
        if node.address != "/":
            above = node.address.rpartition("/")[0]
            await self._tell(self._tree.find_supervisor(above), own)

    async def _remove(self, node: Node, name: str) -> str:
        await node.drop(name)
        return "removed"

    async def _add(self, node: Node, name: str) -> str:
        if starts_by_itself(node.spec_of(name), join(node.address, name), self._parked):
            await node.start(name)
        return "added"

    async def _change(self, node: Node, name: str, old: ChildSpec) -> str:
        new = node.spec_of(name)
        if node.state_of(name) in _STOPPED:
            return "changed"
        if not goes_on(old, new):
            await node.renew(name)
            return "restarted"
        if not isinstance(new, Supervisor):
            return "changed"
        if node.below(name) is not None:  # else it waits to be started again, as the new one
            await self.update(join(node.address, name), new)
        return "changed" if _differing(old, new) - {"children", "stop"} else ""

    async def _each(
        self, node: Node, names: Sequence[str], work: Callable[[Node, str], Awaitable[str]]
    ) -> None:
        """Do ``work`` for all names at once; a failure is noted, and harms no other."""
        changes: dict[str, Change] = {}

        async def one(name: str) -> None:
            address = join(node.address, name)
            try:
                changes[name] = Change(address, await work(node, name))
            except SupctlError as error:
                changes[name] = Change(address, "", error)
            except KeyError:  # somebody has deleted it meanwhile
                changes[name] = Change(address, "", ProcessNotFound(address))

        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(one, name)
        for name in names:
            if (change := changes[name]).did or change.error is not None:
                self._note(change)


def goes_on(old: ChildSpec, new: ChildSpec) -> bool:
    """Return whether what runs as ``old`` can go on as ``new``."""
    if type(old) is not type(new):
        return False
    taken_over = _TAKEN_OVER
    if isinstance(new, Supervisor):
        if type(new) is not Supervisor or new.factory is not None:
            return False  # its children are not those that its spec names
        taken_over |= _TAKEN_OVER_BY_SUPERVISORS
    return _differing(old, new) <= taken_over


def _differing(old: ChildSpec, new: ChildSpec) -> set[str]:
    """Return the names of the fields in which two specs of one kind differ."""
    return {it.name for it in fields(new) if getattr(old, it.name) != getattr(new, it.name)}


def _levels(spec: Supervisor, children: Mapping[str, ChildSpec]) -> list[list[str]]:
    """Return ``children`` in start order, those together that do not wait for each other."""
    depends_on = {child.name: child.depends_on for child in spec.children}
    depths: dict[str, int] = {}
    for name in start_order(depends_on):
        depths[name] = 1 + max((depths[it] for it in depends_on[name]), default=-1)
    levels: list[list[str]] = [[] for _ in range(1 + max(depths.values(), default=-1))]
    for name, child in children.items():
        levels[depths[child.name]].append(name)
    return levels
