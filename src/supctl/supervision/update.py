"""Making a tree that runs be what another spec says, with as little harm as can be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass
from functools import partial

import trio

from supctl.errors import ProcessNotFound, SupctlError
from supctl.specs import ChildSpec, Supervisor
from supctl.specs.supervisor import with_children

from .child import join, starts_by_itself
from .comparison import Steps, Verdict, judge
from .handle import Finder
from .node import Node


@dataclass(frozen=True, slots=True)
class Change:
    """What was done about one child.

    Args:
        address: of the child.
        did: ``"added"``, ``"removed"``, ``"restarted"``, or ``"changed"``: it goes on as it was,
            or does not run, and follows its new spec from now on. Empty if it failed.
        error: why it failed.
        keys, because: as of :class:`~.comparison.Verdict`.
    """

    address: str
    did: str
    error: SupctlError | None = None
    keys: tuple[str, ...] = ()
    because: tuple[str, ...] = ()


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
        steps = Steps.of(node, spec)
        old, new = steps.old, steps.new
        await self._each(node, steps.gone, self._remove)
        await node.respecify(spec)
        for names in steps.levels:
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

    async def _remove(self, node: Node, name: str) -> Verdict:
        await node.drop(name)
        return Verdict("removed")

    async def _add(self, node: Node, name: str) -> Verdict:
        if starts_by_itself(node.spec_of(name), join(node.address, name), self._parked):
            await node.begin(name)
        return Verdict("added")

    async def _change(self, node: Node, name: str, old: ChildSpec) -> Verdict:
        new = node.spec_of(name)
        verdict = judge(old, new, node.state_of(name))
        if verdict.will == "restarted":
            await node.renew(name)
        elif node.state_of(name) == "waiting":
            await node.begin(name)  # it may wait for nothing any more
        elif isinstance(new, Supervisor) and node.below(name) is not None:
            await self.update(join(node.address, name), new)
        return verdict

    async def _each(
        self, node: Node, names: Sequence[str], work: Callable[[Node, str], Awaitable[Verdict]]
    ) -> None:
        """Do ``work`` for all names at once; a failure is noted, and harms no other."""
        changes: dict[str, Change] = {}

        async def one(name: str) -> None:
            address = join(node.address, name)
            try:
                it = await work(node, name)
                changes[name] = Change(address, it.will, None, it.keys, it.because)
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
