"""What became of another tool's file: a document of our own format, and a remark on every key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from supctl.specs.names import as_name

from .mistakes import Mistake, show
from .reading import Reader, join


class Fate(Enum):
    """What became of a key."""

    MAPPED = "mapped"
    CHANGED = "changed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Remark:
    """What became of one key of a file.

    Args:
        place: of the key, in the words of its own format: ``apps[0].max_memory_restart``.
        fate: what became of it; ``CHANGED``: it means something else here.
        became: the place in our own format; empty if there is none.
        detail: how it differs, or why it was left out, as a sentence without a stop.
    """

    place: str
    fate: Fate
    became: str = ""
    detail: str = ""

    def __str__(self) -> str:
        became = f" -> {self.became}" if self.became else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.place}{became} ({self.fate.value}){detail}"


def told_together(remarks: Iterable[Remark]) -> Iterator[str]:
    """Yield a line for every way in which keys are not the same here, as thousands of apps may
    differ in one way; those that mean nothing come last."""
    differing: dict[tuple[Fate, str], list[str]] = {}
    for it in sorted(remarks, key=lambda it: it.fate is Fate.LEFT_OUT):
        if it.fate is not Fate.MAPPED:
            differing.setdefault((it.fate, it.detail), []).append(it.place)
    for (fate, detail), places in differing.items():
        some = ", ".join(places[:2]) + (f" and {len(places) - 2} more" if places[2:] else "")
        left_out = (" are" if places[1:] else " is") + " left out" if fate is Fate.LEFT_OUT else ""
        yield f"{some}{left_out}: {detail}"


class Import:
    """Is filled by the reader of a format.

    Args:
        reader: takes the mistakes.

    Attributes:
        document: what our own format would say (:mod:`.schema`).
        remarks: in the order of the file.
        lines: of places of the file, counted from 1, where a format tells them.
        is_ours: whether the document was written for supctl, in the file of another tool.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.document: dict[str, Any] = {}
        self.remarks: list[Remark] = []
        self.lines: dict[str, int] = {}
        self.is_ours = False
        self._names: set[str] = set()  # places of the safe ones

    def map(self, place: str, became: str) -> None:
        """Know that a key means the same here."""
        self.remarks.append(Remark(place, Fate.MAPPED, became))

    def change(self, place: str, became: str, detail: str) -> None:
        """Know that a key means something else here."""
        self.remarks.append(Remark(place, Fate.CHANGED, became, detail))

    def leave_out(self, place: str, detail: str) -> None:
        """Know that a key means nothing here."""
        self.remarks.append(Remark(place, Fate.LEFT_OUT, "", detail))

    def name(self, text: str, place: str, parent: str = "") -> str:
        """Return a name for a child that is safe and that no sibling has, and remark on it.

        Args:
            text: what the file calls it; anything.
            place: where.
            parent: the place of its supervisor in our own format; empty for the root.
        """
        base = name = as_name(text) or "app"
        siblings = join(parent, "apps")
        number = 2
        while join(siblings, name) in self._names:
            tail = f"-{number}"
            name, number = f"{base[: 128 - len(tail)]}{tail}", number + 1
        became = join(siblings, name)
        self._names.add(became)
        if name == text:
            self.map(place, became)
        elif name == base:
            self.change(place, became, f"{show(text)} cannot be part of an address")
        else:
            self.change(place, became, f"another one is called {base!r}")
        return name

    def placed(self, mistake: Mistake, *, native: bool) -> Mistake:
        """Return a mistake with the place and the line that it has in the file.

        Args:
            native: its place is one of our own format.
        """
        place = self.place_of(mistake.place) if native else mistake.place
        return replace(mistake, place=place, line=mistake.line or self.lines.get(place))

    def place_of(self, native: str) -> str:
        """Return where the file says what is at a place of our format; that place if it is not
        known."""
        # Of several keys that became one, the first: it is the one that has the name.
        places = {it.became: it.place for it in reversed(self.remarks) if it.became}
        place = native
        while place:
            if place in places:
                return places[place]
            place = place.rpartition(".")[0]
        return native
