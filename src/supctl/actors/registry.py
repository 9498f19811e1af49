"""The registry of a tree: actors by name, and in groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from supctl.errors import NameTaken

from .ref import Ref, Reference, make_ref, target_of

if TYPE_CHECKING:
    from .target import Target


class Registry(Protocol):
    """Actors by name and in groups. What has ended is in none of them.

    In an actor ``self.registry``, elsewhere ``tree.registry``: one for all of a tree.
    """

    async def register(self, name: str, ref: Reference) -> None:
        """Give an actor a name, for as long as it lives.

        Raises:
            NameTaken: another actor has it.
        """

    async def unregister(self, name: str) -> None:
        """Take a name back. Does nothing if nobody has it."""

    async def whereis(self, name: str) -> Ref[Any] | None:
        """Return who has that name; ``None`` if nobody does."""

    async def join(self, group: str, ref: Reference) -> None:
        """Add an actor to a group, for as long as it lives. Joining twice is joining once."""

    async def leave(self, group: str, ref: Reference) -> None:
        """Take an actor out of a group. Does nothing if it is in none."""

    async def members(self, group: str) -> list[Ref[Any]]:
        """Return who is in a group, in the order in which they joined."""


class TreeRegistry:
    """The :class:`Registry` of a tree, in the process that runs its root."""

    def __init__(self) -> None:
        self._names: dict[str, Entry] = {}
        self._groups: dict[str, dict[Target, Entry]] = {}

    async def register(self, name: str, ref: Reference) -> None:
        target = target_of(ref)
        taken = self._names.get(name)
        if taken is None:
            Entry(target, self._names, name).put()
        elif taken.target != target:
            raise NameTaken(name, taken.target.address)

    async def unregister(self, name: str) -> None:
        if name in self._names:
            self._names[name].remove()

    async def whereis(self, name: str) -> Ref[Any] | None:
        return self._names[name].ref if name in self._names else None

    async def join(self, group: str, ref: Reference) -> None:
        target = target_of(ref)
        members = self._groups.setdefault(group, {})
        if target not in members:
            Entry(target, members, target).put()

    async def leave(self, group: str, ref: Reference) -> None:
        entry = self._groups.get(group, {}).get(target_of(ref))
        if entry is not None:
            entry.remove()

    async def members(self, group: str) -> list[Ref[Any]]:
        return [entry.ref for entry in self._groups.get(group, {}).values()]


class Entry:
    """An actor in a table, until it is removed or the actor ends.

    Args:
        target: who.
        table: where.
        key: under which key.
    """

    def __init__(self, target: Target, table: dict[Any, Entry], key: object) -> None:
        self.target, self._table, self._key = target, table, key
        self._undo: Callable[[], None] = lambda: None

    @property
    def ref(self) -> Any:
        """A reference to the actor."""
        return make_ref(self.target)

    def put(self) -> None:
        """Enter it, unless the actor has ended already."""
        self._table[self._key] = self
        self._undo = self.target.on_end(lambda _: self._table.pop(self._key, None))

    def remove(self) -> None:
        """Take it out again."""
        del self._table[self._key]
        self._undo()
