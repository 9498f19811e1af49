"""Where the output of programs is kept, and what can be done to their files."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import trio

from supctl.errors import StorageFailed, SupctlError
from supctl.events import ChildAdded, ChildForgotten, ChildStarted, Event, EventsMissed
from supctl.logs.flushing import check_owned, flush
from supctl.logs.output import Output
from supctl.logs.reading.table import write_table
from supctl.specs import ChildSpec
from supctl.supervision.output import outputs_of
from supctl.supervision.status import ChildStatus
from supctl.supervision.tree import Tree

from .naming import above, below, resolve

_log = logging.getLogger("supctl.daemon")

_PAUSE: Final = 0.2
"""Seconds between two looks at a tree that changes."""


class Logs:
    """Knows the outputs of all programs. Every method raises what :func:`~.naming.resolve` raises.

    Args:
        tree: that they are in.
        table: the file where the outputs are noted for those who read while no daemon runs.
    """

    def __init__(self, tree: Tree, table: Path) -> None:
        self._tree, self._table = tree, table
        self._noted: list[dict[str, Any]] | None = None
        self._known: dict[str, ChildSpec] = {}  # by address, when that was noted

    async def outputs(self, *, names: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return where the output of what is meant, and of all below it, goes; of all if none is
        named: what :class:`~supctl.logs.output.Output` has, and ``tags``."""
        await trio.lowlevel.checkpoint()
        return self._outputs(self._chosen(names))

    async def rotate_logs(self, *, names: Sequence[str] = ()) -> list[str]:
        """Rotate the files of what is meant, and of all below it, each at the end of a line; of
        all if none is named. Return their paths."""
        await trio.lowlevel.checkpoint()
        rows = self._chosen(names)
        self._tree.logs.rotate([row.address for row in rows])
        return _paths(self._outputs(rows))

    async def flush_logs(self, *, names: Sequence[str]) -> list[dict[str, Any]]:
        """Empty the files of what is meant, and of all below it. Return for each its ``path``,
        how many ``files`` that was, and how many bytes they had (``size``).

        Raises:
            InvalidConfig: one also holds the output of others; nothing is done then.
            StorageFailed: one cannot be emptied.
        """
        chosen = self._outputs(below(resolve(names, rows := self._tree.status()), rows))
        check_owned([*map(Output.of, chosen)], map(Output.of, self._outputs(rows)))
        return [await trio.to_thread.run_sync(_flush, path) for path in _paths(chosen)]

    async def keep(self) -> None:
        """Note in the table what changes, for ever. What cannot be is logged, and harms nobody."""
        with self._tree.subscribe() as subscription:
            noted = self._latest()
            await self._note()
            async for event in subscription:
                if event.seq > noted and self._may_matter(event):
                    noted = self._latest()
                    await self._note()
                    await trio.sleep(_PAUSE)

    def _may_matter(self, event: Event) -> bool:
        """Return whether output may go elsewhere since an event; to look costs a millisecond for
        ten programs, and restarts may be many."""
        match event:
            case ChildAdded() | ChildForgotten() | EventsMissed():
                return True
            case ChildStarted():
                try:
                    return self._known.get(event.address) != self._tree[event.address].spec
                except SupctlError:  # it is gone again
                    return True
            case _:
                return False

    def _latest(self) -> int:
        return max((it.seq for it in self._tree.latest_events[-1:]), default=0)

    async def _note(self) -> None:
        if self._tree.is_stopping:  # what is gone by then comes back with the next daemon
            return
        rows = self._tree.status()
        self._known = {row.address: self._tree[row.address].spec for row in rows}
        outputs = self._outputs(rows)
        if outputs == self._noted:
            return
        try:
            await trio.to_thread.run_sync(write_table, self._table, outputs)
            self._noted = outputs
        except OSError as error:
            _log.warning("%s: places of logs are not noted: %s", self._table, error)

    def _chosen(self, names: Sequence[str]) -> list[ChildStatus]:
        rows = self._tree.status()
        return below(resolve(names, rows), rows) if names else rows

    def _outputs(self, rows: Sequence[ChildStatus]) -> list[dict[str, Any]]:
        tags = {row.address: row.tags for row in self._tree.status()}
        return [
            it.as_dict() | {"tags": [*dict.fromkeys(_tags(row.address, tags))]}
            for row in rows
            for it in outputs_of(self._tree.logs, row.address, self._tree[row.address].spec)
        ]


def _tags(address: str, tags: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the tags of a child, and of the supervisors over it."""
    for it in (address, *above(address)):
        yield from tags.get(it, ())


def _paths(outputs: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(it["path"] for it in outputs if it["path"]))


def _flush(path: str) -> dict[str, Any]:
    try:
        flushed = flush(Path(path))
    except OSError as error:
        wanted = "a log that can be emptied"
        raise StorageFailed(path, error.errno or errno.EIO, wanted) from None
    return {"path": path, "files": flushed.files, "size": flushed.size}
