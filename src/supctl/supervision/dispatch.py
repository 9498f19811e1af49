"""Which member of a pool gets the next work."""

from __future__ import annotations

from collections.abc import Collection


class Dispatch:
    """The load of every member, and a choice by it.

    The least loaded member gets the next work; of equals the one that has not got any for the
    longest time.
    """

    def __init__(self) -> None:
        self._loads: dict[str, int] = {}  # who got work last comes last

    def load(self, member: str) -> int:
        """Return how much work a member has, in calls."""
        return self._loads.get(member, 0)

    def give(self, members: Collection[str], work: int = 1) -> str:
        """Choose one of ``members``, who has that much more work from now on.

        Raises:
            ValueError: there is none.
        """
        if new := [member for member in members if member not in self._loads]:
            self._loads = {**dict.fromkeys(new, 0), **self._loads}
        chosen = min((it for it in self._loads if it in members), key=self._loads.__getitem__)
        self._loads[chosen] = self._loads.pop(chosen) + work
        return chosen

    def take_back(self, member: str, work: int = 1) -> None:
        """Know that a member has done that much of its work, or has lost it."""
        self._loads[member] -= work
