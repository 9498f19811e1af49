"""Tells the process above what happens in the supervisors of this one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from supctl.events import Event
from supctl.specs import Strategy
from supctl.supervision.child import Child
from supctl.supervision.local import LocalNode
from supctl.supervision.supervisor import SupervisorActor
from supctl.supervision.watch import Watch

_IN_GROUPS = (Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE)


class Reporter(Watch):
    """Tells what a :class:`~.mirror.Mirror` shows.

    Args:
        tell: tells the process above: ``tell("closed", address)``.
    """

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell
        self._nodes: dict[str, LocalNode] = {}
        self._told: dict[str, dict[str, tuple[Child, Any]]] = {}  # by address, then by name

    def opened(self, actor: SupervisorActor) -> None:
        self._nodes[actor.address] = LocalNode(actor)
        self._told[actor.address] = {}
        is_made = actor.spec.factory is not None
        specs = [child.spec for child in actor.children.values()] if is_made else None
        self._tell("opened", actor.address, specs)

    def respecified(self, actor: SupervisorActor) -> None:
        self._tell("respecified", actor.address, actor.spec)

    def closed(self, actor: SupervisorActor) -> None:
        del self._nodes[actor.address], self._told[actor.address]
        self._tell("closed", actor.address)

    def changed(self, actor: SupervisorActor, names: Collection[str]) -> None:
        if actor.address in self._nodes:
            # Of a group, all may be due when one is.
            in_group = actor.spec.strategy in _IN_GROUPS
            for name in list(actor.children) if in_group else names:
                self._show(actor.address, name)
            self._tell("state", actor.address, actor.state)

    def told(self, method: str, *args: Any) -> None:
        self._tell(method, *args)

    def hear(self, event: Event) -> None:
        """Tell of an event, and before of the child that it is about, as that is now."""
        above, _, name = event.address.rpartition("/")
        if (above or "/") in self._nodes:
            self._show(above or "/", name)
        self._tell("event", event)

    def _show(self, address: str, name: str) -> None:
        """Tell how a child looks, if that is not how it was told last."""
        node, told = self._nodes[address], self._told[address]
        child = node.actor.children.get(name)
        if child is None:
            if told.pop(name, None) is not None:
                self._tell("forgotten", address, name)
            return
        looks = self._looks(node, child)
        before, looked = told.get(name, (None, None))
        if before is not child and not child.is_static:
            self._tell("added", address, name, child.spec)
        if before is not child or looks != looked:
            told[name] = child, looks
            self._tell("shown", address, node.status_of(name), node.ref_of(name))

    def _looks(self, node: LocalNode, child: Child) -> Any:
        """Return what differs whenever the view of ``child`` does, but for the time that passes."""
        core = node.actor.core
        return (
            *(node.state_of(child.name), child.pid, child.restarts, child.reason, child.life),
            *(child.seen, child.unwatched),
            *(child.started_at, core.state_of(child.name), core.due_at(child.name)),
        )
