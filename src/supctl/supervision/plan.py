"""Plans: children to be started and stopped in an order, each awaited."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from supctl.exits import ExitReason

from . import messages as m
from .children import ChildRecord


class StageKind(Enum):
    """What a stage does to its children."""

    START = auto()
    STOP = auto()


class Stage:
    """Children to be started or stopped, each as soon as those before it are done.

    Args:
        kind: which of the two.
        children: in the order in which those that are free are begun.
        edges: pairs of which the second waits for the first.

    Attributes:
        awaited: those that have been begun and are not done.
    """

    def __init__(
        self,
        kind: StageKind,
        children: Sequence[ChildRecord],
        edges: Iterable[tuple[ChildRecord, ChildRecord]],
    ) -> None:
        self.kind = kind
        self.awaited: set[ChildRecord] = set()
        self._to_begin = set(children)
        self._frees: dict[ChildRecord, list[ChildRecord]] = {}
        self._blockers: dict[ChildRecord, int] = {}
        for first, second in edges:
            self._frees.setdefault(first, []).append(second)
            self._blockers[second] = self._blockers.get(second, 0) + 1
        self._free = deque(child for child in children if child not in self._blockers)

    @classmethod
    def in_turn(cls, kind: StageKind, children: Sequence[ChildRecord]) -> Stage:
        """Return a stage that begins each child when the one before it is done."""
        return cls(kind, children, pairwise(children))

    @classmethod
    def at_once(cls, kind: StageKind, children: Sequence[ChildRecord]) -> Stage:
        """Return a stage in which only those children wait that depend on others.

        They start after those that they depend on, and stop before them.
        """
        by_name = {child.name: child for child in children}
        edges = [
            (by_name[needed], child)
            for child in children
            for needed in child.policy.depends_on
            if needed in by_name
        ]
        if kind is StageKind.STOP:
            edges = [(child, needed) for needed, child in edges]
        return cls(kind, children, edges)

    @property
    def has_begun(self) -> bool:
        """Whether all of its children have been begun."""
        return not self._to_begin

    def is_to_begin(self, child: ChildRecord) -> bool:
        """Return whether it is one of its children, and its turn has not come."""
        return child in self._to_begin

    def next_free(self) -> Iterator[ChildRecord]:
        """Yield those that can be begun by now, each as one that has been."""
        while self._free:
            child = self._free.popleft()
            self._to_begin.discard(child)
            yield child

    def done(self, child: ChildRecord) -> None:
        """Note that a child is done, and free those that have waited for it."""
        self.awaited.discard(child)
        for other in self._frees.pop(child, ()):
            self._blockers[other] -= 1
            if not self._blockers[other]:
                self._free.append(other)


@dataclass(slots=True, eq=False)
class Plan:
    """Stages, one after the other; what comes after the last, and what if a start fails.

    Args:
        whole: it concerns all children, and everything else waits.
        request: whose answer is lost if the plan is dropped.
        aside: only what is about its child waits for it, whatever the supervisor does one by one.
    """

    stages: deque[Stage]
    then: Callable[[], None]
    failed: Callable[[ChildRecord, ExitReason], None]
    whole: bool = False
    request: m.Change | None = None
    aside: bool = False

    @property
    def has_begun(self) -> bool:
        """Whether all children of all its stages have been begun."""
        return all(stage.has_begun for stage in self.stages)

    @property
    def is_start(self) -> bool:
        """Whether what is under way are starts."""
        return bool(self.stages) and self.stages[0].kind is StageKind.START

    @property
    def only_warms(self) -> bool:
        """Whether nothing is left of it but to wait until children are ready."""
        if not self.is_start or len(self.stages) > 1:
            return False
        stage = self.stages[0]
        return stage.has_begun and all(child.is_warming for child in stage.awaited)


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed restart to be tried again, behind all that has already arrived (OTP-AGAIN-01)."""

    name: str
    reason: ExitReason
