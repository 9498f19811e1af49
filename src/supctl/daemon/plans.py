"""Plans: what ``update`` would do, told and not done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from supctl.config.values import write_restart
from supctl.specs import Restart
from supctl.supervision.comparison import Foreseen, Verdict, foresee
from supctl.supervision.tree import Tree

from .trees import read_tree

_AT_REST: Final = frozenset({"stopped", "failed"})
"""States in which nothing but an operator has a child run again."""


_UNTOLD: Final = frozenset({"env", "apps", "kind"})
"""Keys whose values are nobody's business, or too much of one."""


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
            empty; ``keys`` that differ; ``because``, those of them that need the restart;
            ``values``, by key what is now and what will be, but for the environment; and
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
        "values": {
            key: [_told(value) for value in values]
            for key, values in verdict.values.items()
            if key.partition(".")[0] not in _UNTOLD
        },
        "drift": "" if runs else state,
    }


def _told(value: Any) -> Any:
    """Return a value of a spec as a file holds it, or as people say it."""
    match value:
        case Restart():
            return write_restart(value)
        case None | bool() | int() | float():
            return value
        case tuple():
            return [_told(it) for it in value]
        case Mapping():
            return {key: _told(it) for key, it in value.items()}
    return str(value)
