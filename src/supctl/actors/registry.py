"""The registry of a tree: actors by name, and in groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from supctl.errors import NameTaken

from .ref import Ref, Reference, make_ref, target_of

if TYPE_CHECKING:
    from .target import Target

_Undo: TypeAlias = Callable[[], object]


class Registry(Protocol):
    """Actors by name and in groups. Who has ended is in none of them.

    In an actor ``self.registry``, elsewhere ``tree.registry``: there is one for all of a tree.
    """

    async def register(self, name: str, ref: Reference) -> None:
        """Give an actor a name for as long as it lives. It may have several.

        Raises:
            NameTaken: another actor has it.
        """

    async def unregister(self, name: str) -> None:
        """Take a name back. Does nothing if nobody has it."""

    async def whereis(self, name: str) -> Ref[Any] | None:
        """Return who has that name; ``None`` if nobody does."""

    async def join(self, group: str, ref: Reference) -> None:
        """Add an actor to a group for as long as it lives. Joining twice is joining once."""

    async def leave(self, group: str, ref: Reference) -> None:
        """Take an actor out of a group. Does nothing if it is not in it."""

    async def members(self, group: str) -> list[Ref[Any]]:
        """Return who is in a group, in the order in which they joined."""


class TreeRegistry:
    """The :class:`Registry` of a tree, in the process that runs the tree. Never waits."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[Target, _Undo]] = {}
        self._groups: dict[str, dict[Target, _Undo]] = {}

    async def register(self, name: str, ref: Reference) -> None:
        target = target_of(ref)
        if name in self._names:
            holder, _ = self._names[name]
            if holder != target:
                raise NameTaken(name, holder.address)
            return
        self._names[name] = target, _nothing
        undo = target.on_end(lambda _: self._unregister(name))
        if name in self._names:  # else it has ended already
            self._names[name] = target, undo

    async def unregister(self, name: str) -> None:
        self._unregister(name)

    def _unregister(self, name: str) -> None:
        _, undo = self._names.pop(name, (None, _nothing))
        undo()

    async def whereis(self, name: str) -> Ref[Any] | None:
        if name not in self._names:
            return None
        target, _ = self._names[name]
        return make_ref(target)

    async def join(self, group: str, ref: Reference) -> None:
        target = target_of(ref)
        members = self._groups.setdefault(group, {})
        if target not in members:
            members[target] = _nothing
            undo = target.on_end(lambda _: self._leave(group, target))
            if target in members:
                members[target] = undo

    async def leave(self, group: str, ref: Reference) -> None:
        self._leave(group, target_of(ref))

    def _leave(self, group: str, target: Target) -> None:
        members = self._groups.get(group, {})
        members.pop(target, _nothing)()
        if not members:
            self._groups.pop(group, None)

    async def members(self, group: str) -> list[Ref[Any]]:
        return [make_ref(target) for target in self._groups.get(group, ())]


def _nothing() -> None:
    pass
