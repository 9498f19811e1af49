"""Why things are as they are: what the journal tells, and what is now."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

from supctl.errors import InvalidConfig, ProcessNotFound
from supctl.journal.journal import Journal
from supctl.journal.reading import Story, read_addresses, read_story
from supctl.supervision.tree import Tree

from .naming import Gone, is_below, resolve
from .views import Views

T = TypeVar("T")

_SETTLING: Final = 1.0
"""Seconds that the journal may take to write what has just happened."""

_READERS: Final = 4
"""Stories that are read at the same time."""

_MOST: Final = 10_000
"""Events that are told in one answer."""

_UNWELL: Final = frozenset({"backoff", "failed", "waiting"})
_DOWN: Final = frozenset({"backoff", "failed", "waiting", "stopped", "exited"})
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
        self._readers = trio.CapacityLimiter(_READERS)

    async def why(
        self, *, names: Sequence[str] = (), since: float | None = None, most: int = 100
    ) -> list[dict[str, Any]]:
        """Return the story of each child that is meant, also of those that are not there any more;
        that of everything if none is named.

        A story is ``address``, ``row`` (as of ``status``; nothing if it is not there), ``above``
        (then the row of the supervisor that it would be in, if that does not run), ``unwell``
        (rows of those below it, and of those it waits for, that are not well), ``events`` (those
        about it, and their causes; the oldest first), ``is_cut`` (there were more) and ``damaged``
        (lines of the journal that cannot be read).

        Args:
            since: seconds; tell of the time from then on only, but for causes.
            most: events of each, the latest; causes come on top.

        Raises:
            ProcessNotFound, Ambiguous: as :func:`~.naming.resolve`.
        """
        if not 0 < most <= _MOST:
            raise InvalidConfig("most", most, f"1 to {_MOST}")
        await self._apart(partial(self._journal.settle, _SETTLING))
        since_wall = 0.0 if since is None else time.time() - since
        read = partial(read_story, self._directory, since_wall=since_wall, most=most)
        if not names:
            return [_told("/", await self._apart(partial(read, [])))]
        told = []
        for address in await self._meant(names):
            story = await self._apart(partial(read, [address]))
            now = await self._now(address)
            now["unwell"] = now.get("unwell", []) + await self._awaited(now.get("row"), story)
            told.append(_told(address, story) | now)
        return told

    async def _meant(self, names: Sequence[str]) -> list[str]:
        rows = self._tree.status()
        try:
            return resolve(names, rows)
        except ProcessNotFound:
            pass
        there = {row.address for row in rows}
        before = await self._apart(partial(read_addresses, self._directory))
        return resolve(names, [*rows, *(Gone(it) for it in before if it not in there)])

    async def _apart(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, done in a thread; those of others stay free for them when
        the disk is stuck."""
        return await trio.to_thread.run_sync(work, limiter=self._readers, abandon_on_cancel=True)

    async def _now(self, address: str) -> dict[str, Any]:
        """Return how it is, and those below it that are not well; how its supervisor is, if it is
        not there because of that."""
        try:
            row, *rows = await self._views.status(names=[address])
        except ProcessNotFound:
            return {"above": await self._above(address)}
        below = [it for it in rows if is_below(it["address"], {address})]
        unwell = [it for it in below if it["state"] in _UNWELL or it["health"] in _SICK]
        return {"row": row, "unwell": unwell}

    async def _awaited(self, row: dict[str, Any] | None, story: Story) -> list[dict[str, Any]]:
        """Return the rows of those that something waits for, if it does, and they are not well."""
        needs: Sequence[str] = ()
        if row is not None and row["state"] == "waiting":
            held = (it for it in reversed(story.events) if it["event"] == "child_held")
            needs = next((it["needs"] for it in held if it["address"] == row["address"]), ())
        rows: list[dict[str, Any]] = []
        for address in needs:
            with suppress(ProcessNotFound):
                rows += (await self._views.status(names=[address]))[:1]
        return [it for it in rows if it["state"] in _UNWELL | _DOWN]

    async def _above(self, address: str) -> dict[str, Any] | None:
        above = address.rpartition("/")[0]
        if not above:
            return None
        try:
            row = (await self._views.status(names=[above]))[0]
        except ProcessNotFound:
            return await self._above(above)
        return row if row["state"] in _DOWN else None


def _told(address: str, story: Story) -> dict[str, Any]:
    return {
        "address": address,
        "row": None,
        "above": None,
        "unwell": [],
        "events": story.events,
        "is_cut": story.is_cut,
        "damaged": story.damaged,
    }
