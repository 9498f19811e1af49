"""Children that wait to be started for the first time, under ``start_failures="retry"``."""

from __future__ import annotations

from collections.abc import Iterator

from .children import ChildRecord, Children
from .messages import ChildState

_NOT_UP = frozenset({ChildState.HELD, ChildState.STARTING, ChildState.WAITING, ChildState.FAILED})


class Holding:
    """Keeps who waits, in start order.

    Args:
        children: all of them.

    Attributes:
        first_answers: those of the start phase that have been started and have not answered.
    """

    def __init__(self, children: Children) -> None:
        self._children = children
        self._held: dict[ChildRecord, None] = {}
        self.first_answers: set[ChildRecord] = set()

    def __iter__(self) -> Iterator[ChildRecord]:
        """Iterate over those that still wait."""
        return filter(self._waits, self._held)

    def _waits(self, child: ChildRecord) -> bool:
        known = self._children.get(child.name) is child
        return known and child.state is ChildState.HELD

    def put(self, child: ChildRecord) -> None:
        """Let a child wait."""
        child.state = ChildState.HELD
        self._held[child] = None

    def needs(self, child: ChildRecord) -> tuple[str, ...]:
        """Return the names of those that ``child`` depends on and that are not up.

        Who was up and has ended well, or was stopped by somebody, is not waited for.
        """
        return tuple(filter(self._is_missed, child.policy.depends_on))

    def _is_missed(self, name: str) -> bool:
        needed = self._children.get(name)
        return needed is not None and (needed.state in _NOT_UP or not needed.was_up)

    def take(self, *, one: bool) -> list[ChildRecord]:
        """Take out those that wait for nobody any more; the first of them if only one is wanted."""
        free: list[ChildRecord] = []
        for child in list(self._held):
            if not self._waits(child):
                del self._held[child]  # somebody else has seen to it
            elif not self.needs(child):
                del self._held[child]
                free.append(child)
                if one:
                    break
        return free
