"""A supervisor that runs in this process, as handles see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

import trio

from supctl.actors.incarnation import Checkup
from supctl.actors.process.worker import ProcessWorker
from supctl.actors.ref import Ref
from supctl.actors.worker import WorkerActor
from supctl.errors import TerminateFailed
from supctl.exits import ExitReason
from supctl.specs import ChildSpec, Supervisor
from supctl.specs.dependencies import Condition

from . import messages as m
from .child import Child, join, policy_of
from .isolated.life import IsolatedSupervisor
from .messages import ChildState, Counts
from .node import Node
from .status import ChildStatus, state_word, status_of
from .supervisor import SupervisorActor

_DOWN: Final = frozenset({"backoff", "failed", "exited"})
_VERBS: Final = {
    Condition.UP: "be up",
    Condition.COMPLETED: "complete",
    Condition.ENDED: "end",
}


class LocalNode(Node):
    """One life of a supervisor of this process.

    Args:
        actor: that life.
    """

    def __init__(self, actor: SupervisorActor) -> None:
        super().__init__(actor.spec, actor.address)
        self.actor = actor

    def _child(self, name: str) -> Child:
        return self.actor.children[name]

    def next_number(self) -> int:
        return next(self.actor.numbers)

    # What is to be seen.

    @property
    def state(self) -> str:
        return self.actor.state

    def names(self) -> Collection[str]:
        return self.actor.children.keys()

    def spec_of(self, name: str) -> ChildSpec:
        return self._child(name).spec

    def state_of(self, name: str) -> str:
        core = self.actor.core
        return state_word(self._child(name), core.state_of(name), core.due_at(name))

    def pid_of(self, name: str) -> int:
        return self._child(name).pid

    def restarts_of(self, name: str) -> int:
        return self._child(name).restarts

    def reason_of(self, name: str) -> ExitReason | None:
        return self._child(name).reason

    def status_of(self, name: str, depth: int = 0) -> ChildStatus:
        core = self.actor.core
        state, due_at = core.state_of(name), core.due_at(name)
        row = status_of(self._child(name), state, due_at, trio.current_time(), depth)
        return replace(row, waits_for=self._lacks(name)) if state is ChildState.HELD else row

    def _lacks(self, name: str) -> tuple[str, ...]:
        """Return what keeps a child from its first start, a phrase for each."""
        held = self.actor.core.held_for(name)
        if held is None:
            return ()
        conditions = self._child(name).spec.depends_on
        return tuple(
            f"{it} to {_VERBS[conditions[self._child(it).spec.name]]} ({self._how(it)})"
            for it in (*held.needs, *held.awaits, *held.failed)
        )

    def _how(self, name: str) -> str:
        """Return how a child is that others wait for."""
        reason, state = self.reason_of(name), self.state_of(name)
        if reason is None or state not in _DOWN:
            return state
        how = reason.detail or str(reason.status or reason)
        return how if state == "exited" else f"{state}: {how}"

    def below(self, name: str) -> Node | None:
        life = self._child(name).life
        if isinstance(life, SupervisorActor):
            return LocalNode(life)
        return life.node if isinstance(life, IsolatedSupervisor) else None

    def ref_of(self, name: str) -> Ref[Any] | None:
        life = self._child(name).life
        return life.ref if isinstance(life, WorkerActor | ProcessWorker) else None

    # What can be done with it.

    def signal(self, name: str, number: int) -> None:
        self.actor.signal_child(name, number)

    def pause(self, name: str) -> None:
        life = self._child(name).life
        if life is not None:
            life.pause()

    def resume(self, name: str) -> None:
        life = self._child(name).life
        if life is not None:
            life.resume()

    def reset(self, name: str) -> None:
        self.actor.reset(name)

    async def start(self, name: str) -> None:
        if self.actor.core.state_of(name) is not None:
            await self.restart_child(name)
            return
        child = self._child(name)
        policy = policy_of(name, child.spec)
        await self.actor.ask(lambda token: m.StartChild(policy, token), child=child)

    async def begin(self, name: str) -> None:
        await self.actor.ask(lambda token: m.RestartChild(name, token, in_order=True))

    async def stop(self, name: str, force: bool = False) -> None:
        if self.actor.core.state_of(name) is None:
            return  # it is temporary, and has ended
        await self._terminate(name, force)

    async def renew(self, name: str) -> None:
        if self.actor.core.state_of(name) is None:  # it was temporary, and has ended
            await self.start(name)
        else:
            await self.actor.ask(lambda token: m.RenewChild(name, token))

    async def drop(self, name: str) -> None:
        await self.stop(name)
        if self.actor.core.state_of(name) is not None:
            await self.delete_child(name)
        else:
            self.actor.forget(name)

    async def respecify(self, spec: Supervisor) -> None:
        self.actor.respecify(spec)
        self.spec = spec

    async def checkup(self, name: str) -> Checkup | None:
        await trio.lowlevel.checkpoint()
        life = self._child(name).life
        return None if life is None else life.checkup()

    # Requests.

    async def add_child(self, spec: ChildSpec, depends_on: Mapping[str, Condition]) -> bool:
        child = Child(spec.name, join(self.address, spec.name), spec, is_static=False)
        self.actor.recall(child)
        policy = replace(policy_of(spec.name, spec, depends_on), past=child.past)
        run = await self.actor.ask(lambda token: m.StartChild(policy, token), child=child)
        return run is not None

    async def terminate_child(self, name: str) -> None:
        await self._terminate(name)

    async def _terminate(self, name: str, force: bool = False) -> None:
        child, stopped = self.actor.children.get(name), self.actor.stopped
        lived = child is not None and child.life is not None
        await self.actor.ask(
            lambda token: m.TerminateChild(name, token, force), view=lambda _: stopped(name)
        )
        if child is not None and lived and child.stuck:
            raise TerminateFailed(child.address, (child.reason and child.reason.detail) or "")

    async def restart_child(self, name: str) -> bool:
        run = await self.actor.ask(lambda token: m.RestartChild(name, token))
        return run is not None

    async def delete_child(self, name: str) -> None:
        forget = self.actor.forget
        await self.actor.ask(lambda token: m.DeleteChild(name, token), view=lambda _: forget(name))

    async def which_children(self) -> list[ChildStatus]:
        depth = self.address.rstrip("/").count("/")

        def view(rows: list[tuple[str, ChildState]]) -> list[ChildStatus]:
            now = trio.current_time()
            return [status_of(self._child(name), state, None, now, depth) for name, state in rows]

        rows: list[ChildStatus] = await self.actor.ask(m.WhichChildren, view=view)
        return rows

    async def count_children(self) -> Counts:
        counts: Counts = await self.actor.ask(m.CountChildren)
        return counts

    async def get_child_spec(self, name: str) -> ChildSpec:
        spec: ChildSpec = await self.actor.ask(
            lambda token: m.GetChildSpec(name, token), view=self.spec_of
        )
        return spec
