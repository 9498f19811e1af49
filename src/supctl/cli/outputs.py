"""Which logs a command is about: asked of the daemon, or looked up while none runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from supctl.control.home import Home
from supctl.errors import NoDaemon, ProcessNotFound
from supctl.logs.output import Output
from supctl.logs.reading.place import Place, places_of
from supctl.logs.reading.window import Window

from .reach import reached

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Named:
    address: str
    tags: Sequence[str] = ()


def all_outputs() -> list[Row]:
    """Return where all outputs go: as the daemon says, or as it was when one ran last.

    Raises:
        NoDaemon: none runs, and nothing is known of an earlier one.
    """
    try:
        with reached() as client:
            return client.outputs()
    except NoDaemon:
        if rows := noted_outputs():
            return rows
        raise


def noted_outputs() -> list[Row]:
    """Return what the latest daemon has noted; nothing if there was none."""
    from supctl.logs.reading.table import read_table

    return read_table(Home.of().outputs)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What names mean.

    Args:
        outputs: those that are meant.
        known: all that there are.
    """

    outputs: tuple[Output, ...]
    known: tuple[Output, ...]

    @classmethod
    def of(cls, names: Sequence[str], rows: Iterable[Row]) -> Chosen:
        """Return what ``names`` mean among the rows of all outputs; without names, all.

        Raises:
            ProcessNotFound, Ambiguous: as :func:`supctl.daemon.naming.resolve`.
        """
        rows = [*rows]
        outputs = tuple(map(Output.of, rows))
        if not names:
            return cls(outputs, outputs)
        from supctl.daemon.naming import above, is_below, resolve

        named = {row["address"]: _Named(row["address"], row["tags"]) for row in rows}
        for address in tuple(named):
            for over in above(address):
                named.setdefault(over, _Named(over))
        chosen = frozenset(resolve(names, [*named.values()]))
        return cls(tuple(it for it in outputs if is_below(it.address, chosen)), outputs)

    def places(self, window: Window) -> list[tuple[Place, Window]]:
        """Return the files that hold wanted lines, and what is wanted of each."""
        wanted = {it.path for it in self.outputs if it.stream in window.streams and it.path}
        others = {it.address for it in self.known} - {it.address for it in self.outputs}
        # Not only those that are known: an instance that is gone has left its lines behind.
        its = replace(window, is_of=lambda address: address not in others)
        return [(place, its) for place in places_of(self.known) if place.path in wanted]

    @property
    def elsewhere(self) -> dict[str, list[str]]:
        """Addresses of those whose output is in no file, by where it goes instead."""
        found: dict[str, list[str]] = {}
        for it in self.outputs:
            if not it.path and it.stream == "stdout":
                found.setdefault(it.to, []).append(it.address)
        return found


def chosen_by(names: Sequence[str], rows: Iterable[Row]) -> Chosen:
    """Return what names mean; nothing while nothing of that name is there."""
    try:
        return Chosen.of(names, rows)
    except ProcessNotFound:
        return Chosen((), ())
