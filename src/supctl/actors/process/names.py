"""The registry of a tree, as it is reached from the processes below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from supctl.actors.ref import Ref, Reference

if TYPE_CHECKING:
    from .switchboard import Switchboard

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


METHODS: Final = frozenset({"register", "unregister", "whereis", "join", "leave", "members"})
