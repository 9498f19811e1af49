"""Stand by a tree in the foreground: show what happens, answer signals, see when it is over."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import trio

from supctl import events
from supctl.exits import ExitReason
from supctl.specs import App
from supctl.supervision.status import ChildStatus
from supctl.supervision.tree import Tree

from .console import Console
from .facts import facts

_ENDS = (events.ChildExited, events.ChildFailed)
_RESTING = frozenset({"exited", "failed", "stopped", "waiting"})
"""States that nothing ends by itself; those who wait do so for others."""


class Attendant:
    """Shows the events of one tree and knows when nothing of it is left to supervise.

    Attributes:
        failed: addresses of children that ended badly and are not started again.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.failed: dict[str, ExitReason] = {}

    async def attend(self, tree: Tree) -> None:
        """Show events until every child has ended for good, or the tree itself."""
        with tree.subscribe() as subscription:
            async for event in subscription:
                self._console.event(event)
                if isinstance(event, events.TreeStopped):
                    return
                if isinstance(event, _ENDS) and not tree.is_stopping and self._is_over(tree):
                    self._console.note("nothing is left to supervise")
                    tree.stop()

    def _is_over(self, tree: Tree) -> bool:
        rows = [row for row in tree.status() if row.kind != "supervisor"]
        if not all(row.state in _RESTING and not _is_watched(tree, row) for row in rows):
            return False
        self.failed = {
            row.address: row.reason
            for row in rows
            if row.reason is not None and not row.reason.is_normal
        }
        return True

    def handlers(self) -> dict[signal.Signals, Callable[[Tree], Awaitable[None]]]:
        """Return what to do at SIGUSR1 and SIGHUP."""
        return {signal.SIGUSR1: self._show_facts, signal.SIGHUP: self._refuse_reload}

    async def _show_facts(self, tree: Tree) -> None:
        self._console.facts(await facts(tree))

    async def _refuse_reload(self, _: Tree) -> None:
        await trio.lowlevel.checkpoint()
        self._console.note(
            "SIGHUP: nothing is re-read; with --watch-config edits of the file are followed"
        )


def _is_watched(tree: Tree, row: ChildStatus) -> bool:
    """Return whether an edit would start it again."""
    spec = tree[row.address].spec
    return isinstance(spec, App) and spec.watch is not None and row.state != "stopped"
