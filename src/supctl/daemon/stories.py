"""Why things are as they are: what the journal tells, and what is now."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from supctl.errors import InvalidConfig, ProcessNotFound
from supctl.journal.journal import Journal
from supctl.journal.reading import Story, read_addresses, read_story
from supctl.supervision.tree import Tree

from .naming import Gone, is_below, resolve
from .views import Views

_SETTLING: Final = 1.0
"""Seconds that the journal may take to write what has just happened."""

_MOST: Final = 10_000
"""Events that are told in one answer."""

_UNWELL: Final = frozenset({"backoff", "failed", "waiting"})
_SICK: Final = frozenset({"unhealthy", "unresponsive"})


class Stories:
    """Tells stories out of the journal.

    Args:
        tree: that everything is in.
        views: of it.
        journal: is being written.
        directory: of its files.
    """

    def __init__(self, tree: Tree, views: Views, journal: Journal, directory: Path) -> None:
        self._tree, self._views = tree, views
        self._journal, self._directory = journal, directory

    async def why(
        self, *, names: Sequence[str] = (), since: float | None = None, most: int = 100
    ) -> list[dict[str, Any]]:
        """Return the story of each child that is meant, also of those that are not there any more;
        that of everything if none is named.

        A story is ``address``, ``row`` (as of ``status``; nothing if it is not there), ``unwell``
        (rows of those below it that are not well), ``events`` (those about it, and their causes;
        the oldest first), ``is_cut`` (there were more) and ``damaged`` (lines of the journal that
        cannot be read).

        Args:
            since: seconds; tell of the time from then on only, but for causes.
            most: events of each, the latest; causes come on top.

        Raises:
            ProcessNotFound, Ambiguous: as :func:`~.naming.resolve`.
        """
        if not 0 < most <= _MOST:
            raise InvalidConfig("most", most, f"1 to {_MOST}")
        settle = partial(self._journal.settle, _SETTLING)
        await trio.to_thread.run_sync(settle)
        since_wall = 0.0 if since is None else time.time() - since
        read = partial(read_story, self._directory, since_wall=since_wall, most=most)
        if not names:
            return [_told("/", await trio.to_thread.run_sync(read, []))]
        told = []
        for address in await self._meant(names):
            story = await trio.to_thread.run_sync(read, [address])
            told.append(_told(address, story) | await self._now(address))
        return told

    async def _meant(self, names: Sequence[str]) -> list[str]:
        rows = self._tree.status()
        try:
            return resolve(names, rows)
        except ProcessNotFound:
            pass
        there = {row.address for row in rows}
        before = await trio.to_thread.run_sync(read_addresses, self._directory)
        return resolve(names, [*rows, *(Gone(it) for it in before if it not in there)])

    async def _now(self, address: str) -> dict[str, Any]:
        """Return how it is, and those below it that are not well."""
        try:
            row, *rows = await self._views.status(names=[address])
        except ProcessNotFound:
            return {}
        below = [it for it in rows if is_below(it["address"], {address})]
        unwell = [it for it in below if it["state"] in _UNWELL or it["health"] in _SICK]
        return {"row": row, "unwell": unwell}


def _told(address: str, story: Story) -> dict[str, Any]:
    return {
        "address": address,
        "row": None,
        "unwell": [],
        "events": story.events,
        "is_cut": story.is_cut,
        "damaged": story.damaged,
    }
