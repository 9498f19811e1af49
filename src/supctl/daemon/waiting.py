"""Waiting until children are what somebody wants them to be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import trio

from supctl.errors import InvalidConfig
from supctl.events import ChildExited, ChildStartFailed
from supctl.exits import ExitReason
from supctl.supervision.eventlog import Subscription
from supctl.supervision.status import ChildStatus
from supctl.supervision.tree import Tree

from .naming import below, resolve, resolve_one

_UP: Final = frozenset({"running", "ready"})
_DOWN: Final = frozenset({"stopped", "exited", "failed"})
"""Nothing of it lives, and no restart is due."""

_LOOK_AGAIN: Final = 1.0
"""Seconds. A subtree of another process may be seen to change a moment after its event."""

_HOLDS: Final[dict[str, Callable[[ChildStatus], bool]]] = {
    "ready": lambda row: row.state in _UP,
    "running": lambda row: row.state in _UP or (row.state == "starting" and row.pid > 0),
    "stopped": lambda row: row.state in _DOWN,
}
WANTED: Final = (*_HOLDS, "exit")


class Waiting:
    """Waits for children of a tree.

    Args:
        tree: that they are in.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    async def wait(
        self, *, names: Sequence[str], wanted: str, timeout: float | None = None
    ) -> dict[str, Any]:
        """Wait until all that is meant, and all below it, is as ``wanted``.

        Args:
            wanted: ``ready``: it serves, as far as it can tell; ``running``: it has a process;
                ``stopped``: it has none and will not get one by itself; ``exit``: its present life
                is over, or its last one is. Only one child can be waited for so.
            timeout: seconds; without end if ``None``.

        Returns:
            ``held``: whether it came to be in time; ``status``: what a shell would show of the
            end that was waited for; ``missing``: what is otherwise, state by address.

        Raises:
            ProcessNotFound, Ambiguous: as of :func:`~.naming.resolve`; also what is deleted while
                it is waited for is not found.
            InvalidConfig: ``wanted`` is another word.
        """
        if wanted not in WANTED:
            raise InvalidConfig("wanted", wanted, " or ".join(WANTED))
        with self._tree.subscribe() as subscription:
            with trio.move_on_after(math.inf if timeout is None else timeout):
                if wanted == "exit":
                    return await self._until_exit(names, subscription)
                while self._missing(names, wanted):
                    with trio.move_on_after(_LOOK_AGAIN):
                        await anext(subscription)
                return _answer(True)
        return _answer(False, missing=self._missing(names, wanted))

    def _missing(self, names: Sequence[str], wanted: str) -> dict[str, str]:
        rows = self._tree.status()
        meant = below(resolve(names, rows), rows)
        holds = _HOLDS.get(wanted)
        return {row.address: row.state for row in meant if holds is None or not holds(row)}

    async def _until_exit(self, names: Sequence[str], subscription: Subscription) -> dict[str, Any]:
        (name,) = names if len(names) == 1 else [" and ".join(names)]
        address = resolve_one(name, self._tree.status())
        row = self._tree[address].status
        if row.uptime is None and row.reason is not None:
            return _answer(True, _status(row.reason))
        async for event in subscription:
            match event:
                case ChildExited(address=who, reason=reason) if who == address:
                    return _answer(True, _status(reason))
                case ChildStartFailed(address=who, reason=reason) if who == address:
                    return _answer(True, _status(reason))
        return _answer(False)


def _answer(
    held: bool, status: int | None = None, missing: dict[str, str] | None = None
) -> dict[str, Any]:
    return {"held": held, "status": status, "missing": missing or {}}


def _status(reason: ExitReason) -> int:
    """Return what a shell would show; 0 for what has none and ended well, else 1."""
    if reason.status is not None:
        return reason.status.shell_code
    return 0 if reason.is_normal else 1
