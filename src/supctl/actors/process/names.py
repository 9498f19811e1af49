"""The registry of a tree, as it is reached from the processes below."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from supctl.actors.life import Life
from supctl.actors.ref import Ref, Reference, target_of
from supctl.errors import ConnectionLost, NameTaken

if TYPE_CHECKING:
    from .switchboard import Switchboard

_log = logging.getLogger("supctl.actors")

REGISTRY: Final = "registry"
"""The target of what is asked of the registry. It is passed on upwards, to the root."""


class RemoteRegistry:
    """A :class:`~supctl.actors.registry.Registry` in a process below the one that runs the tree.

    Everything here raises :class:`~supctl.errors.ConnectionLost` too, when that is gone.
    """

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def _ask(self, method: str, *args: Any) -> Any:
        assert self._board.up is not None
        return await self._board.up.call(REGISTRY, method, args)

    async def register(self, name: str, ref: Reference) -> None:
        await self._ask("register", name, ref)

    async def unregister(self, name: str) -> None:
        await self._ask("unregister", name)

    async def whereis(self, name: str) -> Ref[Any] | None:
        found: Ref[Any] | None = await self._ask("whereis", name)
        return found

    async def join(self, group: str, ref: Reference) -> None:
        await self._ask("join", group, ref)

    async def leave(self, group: str, ref: Reference) -> None:
        await self._ask("leave", group, ref)

    async def members(self, group: str) -> list[Ref[Any]]:
        found: list[Ref[Any]] = await self._ask("members", group)
        return found


class LastingRegistry(RemoteRegistry):
    """The same for an actor that outlives who runs the tree: it can tell again where it is."""

    def __init__(self, board: Switchboard) -> None:
        super().__init__(board)
        self._names: dict[str, Reference] = {}
        self._groups: dict[str, Reference] = {}

    async def register(self, name: str, ref: Reference) -> None:
        await super().register(name, ref)
        if _is_here(ref):
            self._names[name] = ref

    async def unregister(self, name: str) -> None:
        self._names.pop(name, None)
        await super().unregister(name)

    async def join(self, group: str, ref: Reference) -> None:
        await super().join(group, ref)
        if _is_here(ref):
            self._groups[group] = ref

    async def leave(self, group: str, ref: Reference) -> None:
        if _is_here(ref):
            self._groups.pop(group, None)
        await super().leave(group, ref)

    async def tell_again(self) -> None:
        """Tell who knows nothing yet. A name that somebody else has by now is lost."""
        with suppress(ConnectionLost):  # the next one is told
            for name, ref in list(self._names.items()):
                try:
                    await self._ask("register", name, ref)
                except NameTaken as taken:
                    _log.warning("%s", taken)
            for group, ref in list(self._groups.items()):
                await self._ask("join", group, ref)


def _is_here(ref: Reference) -> bool:
    """Return whether a reference is to the actor of this process."""
    return isinstance(target_of(ref), Life)


METHODS: Final = frozenset({"register", "unregister", "whereis", "join", "leave", "members"})
