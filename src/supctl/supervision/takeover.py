"""How a supervisor's core goes on where that of another process was, which was lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from . import messages as m
from .children import ChildRecord, Children
from .ground import Ground
from .history import History, Standing
from .inbox import Inbox
from .messages import ChildState
from .plan import StageKind
from .plans import Plans
from .restarts import Restarts


class Takeover:
    """Begins with what the core before has left, and says what it would leave itself.

    Args:
        past: what was with the supervisor.
        children, plans, inbox, restarts: those of the supervisor.
        ground: its core.
    """

    def __init__(
        self,
        past: Standing,
        children: Children,
        plans: Plans,
        inbox: Inbox,
        restarts: Restarts,
        ground: Ground,
    ) -> None:
        self.past = past
        self._children, self._plans, self._inbox = children, plans, inbox
        self._restarts, self._ground = restarts, ground

    # What was left to it.

    def recall(self) -> list[ChildRecord]:
        """Know what the core before has known; return who is to be started now."""
        now, restarts = self._ground.now, self._restarts
        restarts.window.recall(self.past.recent, now)
        for child in self._children:
            child.recall(now)
            self._hear_end(child)
        beginners = [child for child in self._children if child.begins()]
        for child in beginners:
            left = child.policy.past.wait
            if left is None or restarts.waits_with_group(child):
                continue
            if left or self._has_stopped_group(child):
                restarts.set_timer(child, left)
        self._go_on_stopping()
        leader = self._leader
        regrouped = [] if leader is None else self._children.group(leader)
        return [
            child
            for child in beginners
            if child.state is not ChildState.WAITING and child not in regrouped
        ]

    def _has_stopped_group(self, child: ChildRecord) -> bool:
        """Return whether others wait to be started together with a child, and have stopped."""
        return child is not self._leader and len(self._children.group(child)) > 1

    def _hear_end(self, child: ChildRecord) -> None:
        """Let the end of a child have its consequences, if it has had none yet."""
        past = child.policy.past
        if past.unheard is not None:
            child.state = ChildState.RUNNING
            child.exit_waits = m.ChildDown(child.name, child.run, past.unheard)
            self._inbox.put(child.exit_waits)

    def _go_on_stopping(self) -> None:
        """Go on with the stops of single children that had begun."""
        for child in self._children:
            if child.policy.past.state is ChildState.STOPPING:
                self._plans.begin(child)
                stage = self._ground.stage(StageKind.STOP, [child])
                self._plans.carry_out(stage, failed=self._ground.bear_start_failure, aside=True)

    @property
    def _leader(self) -> ChildRecord | None:
        """The child whose group was being stopped, if one's was."""
        name = self.past.group_of
        return None if name is None else self._children.get(name)

    def go_on_with_group(self) -> None:
        """Go on with the restart of a group, if its children were being stopped."""
        leader = self._leader
        if leader is None:
            return
        group = self._children.group(leader)
        for child in group:
            if child.policy.past.state is ChildState.HELD:
                child.state = ChildState.HELD
        self.claim(child for child in group if child is not leader)
        self._restarts.go_on_with_group(leader)

    def claim(self, children: Iterable[ChildRecord]) -> None:
        """Start who lives already, to be the one who stops it."""
        for child in children:
            if child.run == 0 and child.policy.past.outlived and child.exit_waits is None:
                self._plans.begin(child)

    # What it leaves.

    def legacy_of(self, child: ChildRecord, now: float) -> History:
        """Return what another core that takes over now must know of a child."""
        waiting = child.exit_waits
        return replace(
            child.history(now),
            begun=child.has_run,
            unheard=None if waiting is None else waiting.reason,
            state=self._state_of(child),
        )

    def _state_of(self, child: ChildRecord) -> ChildState:
        """Return the state in which another core is to find a child.

        Plans are not handed over. Who is about to be started has begun to, for that one; who is
        being stopped with its group, or with all children, is to be found, and stopped, by it.
        """
        leader = self._restarts.stops_group_of
        is_regrouped = leader is not None and child in self._children.group(leader)
        if is_regrouped and child is leader and child.state is ChildState.STOPPED:
            return ChildState.STARTING
        if is_regrouped or self._ground.is_ending:
            return ChildState.RUNNING if child.state is ChildState.STOPPING else child.state
        return ChildState.STARTING if self._plans.will_start(child) else child.state
