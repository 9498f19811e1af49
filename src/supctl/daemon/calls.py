"""Calls of actors from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from supctl.supervision.tree import Tree

from .naming import resolve_one


class Calls:
    """Calls methods of actors of a tree.

    Args:
        tree: that they are in.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    async def call(
        self, *, name: str, method: str, args: Sequence[Any] = (), timeout: float = 30.0
    ) -> Any:
        """Call a method of an actor and return its result, as plain values.

        Args:
            timeout: seconds to wait for the answer; the method is cancelled then.

        Raises:
            ProcessNotFound, Ambiguous: as of :func:`~.naming.resolve_one`.
            InvalidState: there is no actor that runs.
            UnknownMethod, TypeError, ActorTimeout, ActorGone: as :meth:`supctl.Ref.call`; and what
                the method itself raises.
        """
        handle = self._tree[resolve_one(name, self._tree.status())]
        return plain(await handle.ref.call(method, *args, timeout=timeout))


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it; what has no such form, as its text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Mapping():
            return {str(key): plain(it) for key, it in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(it) for it in value]
    return str(value)
