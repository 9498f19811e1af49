"""Plans: what ``update`` would do, told and not done."""

from __future__ import annotations

from typing import Any, Final

from supctl.supervision.comparison import Foreseen, Verdict, foresee
from supctl.supervision.tree import Tree

from .trees import read_tree

_AT_REST: Final = frozenset({"stopped", "failed"})
"""States in which nothing but an operator has a child run again."""


class Plans:
    """Compares what runs with what files say.

    Args:
        tree: that everything is in.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    async def plan(self, *, project: str, tree: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what :meth:`.projects.Projects.update` would do, in its order; do nothing.

        Args:
            project, tree: as there.

        Returns:
            For the project and each child below it, those that stay as they are among them:
            ``address``; ``will``: ``"added"``, ``"removed"``, ``"restarted"``, ``"changed"`` or
            empty; ``keys`` that differ; ``because``, those of them that need the restart; and
            ``drift``: its state, if it does not run although the file has it run, or empty. What is
            below an added, removed or restarted one goes with it.

        Raises:
            InvalidConfig: the tree cannot work.
            InvalidState: a supervisor above does not run any more.
        """
        spec, address = await read_tree(project, tree), f"/{project}"
        if all(row.address != address for row in self._tree.status()):
            return [_row(Foreseen(address, Verdict("added")))]
        return [_row(it) for it in foresee(self._tree, address, spec)]


def _row(foreseen: Foreseen) -> dict[str, Any]:
    verdict, state = foreseen.verdict, foreseen.state
    runs = verdict.will == "removed" or not foreseen.runs_then or state not in _AT_REST
    return {
        "address": foreseen.address,
        "will": verdict.will,
        "keys": [*verdict.keys],
        "because": [*verdict.because],
        "drift": "" if runs else state,
    }
