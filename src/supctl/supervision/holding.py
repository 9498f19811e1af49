"""Children that wait to be started for the first time: under ``start_failures="retry"``, or for the
end of others."""

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
    """Keeps who waits, in start order, and starts them when what they depend on is as it is to be.

    An end for good counts from then on, and for the first start only.

    Args:
        children, plans: those of the supervisor.
        ground: its core. If that is concurrent all start at once who wait for nobody, and not
            one by one.
    """

    def __init__(self, children: Children, plans: Plans, ground: Ground) -> None:
        self._children, self._plans, self._ground = children, plans, ground
        self._held: dict[ChildRecord, None] = {}
        self._for_ends: set[ChildRecord] = set()
        """Who of them waits for an end, or is to be up after one who does."""
        self._ends: dict[str, bool] = {}  # who has ended for good; whether it was a success
        self._unanswered: set[ChildRecord] = set()  # of the first starts in the start phase

    def begin(self, children: Iterable[ChildRecord]) -> None:
        """Begin the start phase with those who are to be started in it."""
        for child in children:
            self._put(child)
        self.release()
        self._see_if_up()

    def _put(self, child: ChildRecord) -> None:
        if self._is_for_end(child):
            self._for_ends.add(child)
        child.state = ChildState.HELD
        self._held[child] = None

    def _take(self, child: ChildRecord) -> None:
        del self._held[child]
        self._for_ends.discard(child)

    def hold(self, child: ChildRecord) -> bool:
        """Let a new child wait if what it depends on is not so; return whether it has to."""
        lacks = self.lack_of(child) if self._ground.flags.retries else self._is_for_end(child)
        if not lacks:
            return False
        self._put(child)
        self._tell(child)
        return True

    def keep(self, child: ChildRecord) -> bool:
        """Let a child that was never started wait, if it is an end that it lacks; return whether it
        does."""
        if child not in self._held and not child.has_run and self._is_for_end(child):
            self._put(child)
        return child in self._for_ends and self._waits(child)

    def _is_for_end(self, child: ChildRecord) -> bool:
        """Return whether it lacks an end, or is to be up after one who does."""
        lack = self.lack_of(child)
        if lack is None:
            return False
        waiting = (self._children.get(it) in self._for_ends for it in lack.needs)
        return bool(lack.awaits or lack.failed) or any(waiting)

    def lack_of(self, child: ChildRecord) -> m.ChildHeld | None:
        """Return what keeps a child from its start; ``None``: nothing does.

        Who was up and has ended well, or was stopped by somebody, is not waited for to be up.
        """
        policy = child.policy
        if policy.past.outlived and not child.was_up:  # it runs already
            return None
        needs = tuple(filter(self._is_missed, policy.depends_on))
        awaits: tuple[str, ...] = ()
        failed: tuple[str, ...] = ()
        if not child.has_run:
            awaits = tuple(filter(self._is_to_end, (*policy.after_success, *policy.after_end)))
            failed = tuple(it for it in policy.after_success if self._ends.get(it) is False)
        lacks = needs or awaits or failed
        return m.ChildHeld(child.name, needs, awaits, failed) if lacks else None

    def _is_missed(self, name: str) -> bool:
        needed = self._children.get(name)
        return needed is not None and (needed.state in _NOT_UP or not needed.was_up)

    def _is_to_end(self, name: str) -> bool:
        return name not in self._ends and self._children.get(name) is not None

    def _waits(self, child: ChildRecord) -> bool:
        known = self._children.get(child.name) is child
        return known and child.state is ChildState.HELD

    def _tell(self, child: ChildRecord) -> None:
        if (lack := self.lack_of(child)) is not None:
            self._ground.say(lack)

    def tell_all(self) -> None:
        """Say of all who still wait for whom they do."""
        for child in filter(self._waits, self._held):
            self._tell(child)

    def release(self) -> None:
        """Start those whose wait is over."""
        if not (self._ground.is_starting or self._ground.is_running):
            return
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
                self._take(child)  # somebody else has seen to it
            elif self.lack_of(child) is None and not self._ground.waits_with_group(child):
                self._take(child)
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

    # Ends.

    def note_end(self, child: ChildRecord, *, success: bool) -> None:
        """Know that a child has ended for good; once it was a success, it stays one."""
        name = child.name
        if not self._children.is_listed(name) and self._children.get(name) is not child:
            return
        self._ends[name] = success or self._ends.get(name, False)
        if self._ends[name] or not self._ground.is_running:
            return
        for other in filter(self._waits, self._held):
            if name in other.policy.after_success:
                self._tell(other)

    def end_of(self, name: str) -> bool | None:
        """Return whether a child has ended with success; ``None``: it has not ended for good."""
        return self._ends.get(name)

    def recall_ends(self) -> None:
        """Know the ends that came under a supervising process of before."""
        for child in self._children:
            if child.policy.past.completed is not None:
                self._ends[child.name] = child.policy.past.completed

    def forget(self, child: ChildRecord) -> None:
        """Know no more of a child that was added: others of its name are others."""
        if not self._children.is_listed(child.name):
            self.forget_end(child.name)

    def forget_end(self, name: str) -> None:
        """Wait for no end of a child any more."""
        self._ends.pop(name, None)
