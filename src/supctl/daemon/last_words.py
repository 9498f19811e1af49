"""What programs have written last."""

from __future__ import annotations

import heapq
from contextlib import ExitStack
from operator import attrgetter
from typing import Final

import trio

from supctl.errors import SupctlError
from supctl.supervision.output import Written, outputs_of
from supctl.supervision.tree import Tree

LINES: Final = 10
CHARACTERS: Final = 200
"""How many, and how much of each."""


class LastWords:
    """Finds the last lines that programs have written.

    Args:
        tree: that they are in.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def in_memory(self, address: str, after: float, until: float) -> list[str]:
        """Return those that have come since we are here, between two times."""
        lines = self._tree.logs.last_lines(address)
        told = [line.text for line in lines if after < line.at_wall < until]
        return _shown(told)

    async def in_files(self, address: str, after: float, until: float) -> list[str]:
        """Return those that are stored, where their times are known between two times; those in
        memory if nothing can be read."""
        try:
            outputs = outputs_of(self._tree.logs, address, self._tree[address].spec)
            written = Written(outputs, address, "both")
            return _shown(await trio.to_thread.run_sync(_stored, written, after, until))
        except (SupctlError, OSError):
            return self.in_memory(address, after, until)


def _shown(lines: list[bytes]) -> list[str]:
    return [line[:CHARACTERS].decode(errors="replace") for line in lines[-LINES:]]


def _stored(written: Written, after: float, until: float) -> list[bytes]:
    with ExitStack() as stack:
        histories = []
        for trail in written.trails(since=after, until=until):
            stack.callback(trail.close)
            histories.append(trail.history(LINES))
        return [entry.text for entry in heapq.merge(*histories, key=attrgetter("order"))]
