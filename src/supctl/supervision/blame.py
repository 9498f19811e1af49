"""Which call has ended a member of a pool."""

from __future__ import annotations


class Blame:
    """The calls that members have to answer. One that ends is ended by the oldest of them, for it
    works on them in order; the others have had the bad luck to wait behind that one.

    A member is here a reference to one life of it, a call any object of its own.
    """

    def __init__(self) -> None:
        self._calls: dict[object, dict[object, None]] = {}  # by member, the oldest first
        self._culprits: dict[object, object] = {}

    def begin(self, member: object, call: object) -> None:
        """Know that a member is asked."""
        self._calls.setdefault(member, {})[call] = None

    def end(self, member: object, call: object) -> None:
        """Know that a call is over, however that came."""
        calls = self._calls[member]
        del calls[call]
        if not calls:
            del self._calls[member]
            self._culprits.pop(member, None)

    def is_culprit(self, member: object, call: object) -> bool:
        """Return whether a call that was lost with its member is the one that has ended it."""
        oldest = next(iter(self._calls[member]))
        return self._culprits.setdefault(member, oldest) is call
