"""Children that wait to be started for the first time, under ``start_failures="retry"``."""

from __future__ import annotations

from collections.abc import Iterable

from . import messages as m
from .children import ChildRecord, Children
from .ground import Ground
from .messages import ChildState
from .plan import StageKind
from .plans import Plans

_NOT_UP = frozenset({ChildState.HELD, ChildState.STARTING, ChildState.WAITING, ChildState.FAILED})


class Holding:
    """Keeps who waits, in start order, and starts them when what they depend on is up.

    Args:
        children, plans: those of the supervisor.
        ground: its core. If that is concurrent all start at once who wait for nobody, and not
            one by one.
    """

    def __init__(self, children: Children, plans: Plans, ground: Ground) -> None:
        self._children, self._plans, self._ground = children, plans, ground
        self._held: dict[ChildRecord, None] = {}
        self._unanswered: set[ChildRecord] = set()  # of the first starts in the start phase

    def begin(self, children: Iterable[ChildRecord]) -> None:
        """Begin the start phase with those who are to be started in it."""
        for child in children:
            self._put(child)
        self.release()
        self._see_if_up()

    def _put(self, child: ChildRecord) -> None:
        child.state = ChildState.HELD
        self._held[child] = None

    def hold(self, child: ChildRecord) -> bool:
        """Let a new child wait if what it depends on is not up; return whether it has to."""
        if not self._needs(child):
            return False
        self._put(child)
        self._tell(child)
        return True

    def _needs(self, child: ChildRecord) -> tuple[str, ...]:
        """Return the names of those that ``child`` depends on and that are not up.

        Who was up and has ended well, or was stopped by somebody, is not waited for.
        """
        if child.policy.past.outlived and not child.was_up:  # it runs already
            return ()
        return tuple(filter(self._is_missed, child.policy.depends_on))

    def _is_missed(self, name: str) -> bool:
        needed = self._children.get(name)
        return needed is not None and (needed.state in _NOT_UP or not needed.was_up)

    def _waits(self, child: ChildRecord) -> bool:
        known = self._children.get(child.name) is child
        return known and child.state is ChildState.HELD

    def _tell(self, child: ChildRecord) -> None:
        if needs := self._needs(child):
            self._ground.say(m.ChildHeld(child.name, needs))

    def tell_all(self) -> None:
        """Say of all who still wait for whom they do."""
        for child in filter(self._waits, self._held):
            self._tell(child)

    def release(self) -> None:
        """Start those who wait for what is up by now."""
        if not (self._plans.are_aside or self._ground.flags.concurrent):
            return  # what is under way comes back here
        for child in self._take_free():
            if self._ground.is_starting:
                self._unanswered.add(child)
            self._plans.carry_out(
                self._ground.stage(StageKind.START, [child]),
                then=self.release,
                failed=self._ground.bear_start_failure,
            )

    def _take_free(self) -> list[ChildRecord]:
        """Take out who waits for nobody; only the first if they start one by one."""
        free: list[ChildRecord] = []
        for child in list(self._held):
            if not self._waits(child):
                del self._held[child]  # somebody else has seen to it
            elif not self._needs(child) and not self._ground.waits_with_group(child):
                del self._held[child]
                free.append(child)
                if not self._ground.flags.concurrent:
                    break
        return free

    def hear_answer(self, child: ChildRecord) -> None:
        """Know that a child has answered to a start or a stop."""
        self._unanswered.discard(child)
        self._see_if_up()

    def _see_if_up(self) -> None:
        """End a start phase in which each child has been tried that could be."""
        if self._ground.flags.retries and self._ground.is_starting and not self._unanswered:
            self._ground.be_up()
