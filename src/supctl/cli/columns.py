"""Tables of text, as wide as a terminal at the most."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

_GAP: Final = "  "
_LEAST: Final = 8
"""Columns that a cell keeps when it is shortened."""


def terminal_width() -> int | None:
    """Return the columns of the terminal that we write to; ``None`` if it is none."""
    if not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or None  # 0: nobody has told it


def fitted(text: str, width: int) -> str:
    """Return ``text``, shortened to ``width`` characters if it is longer."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


class Column(NamedTuple):
    """A column of a table.

    Args:
        title: its first line.
        right: whether it is flush right, as numbers are.
        elastic: 0: it is never shortened; else columns are shortened where there is no room, the
            one with the highest number first.
        paint: gives a cell that is as wide as its column its colour.
    """

    title: str
    right: bool = False
    elastic: int = 0
    paint: Callable[[str], str] = str


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None
) -> Iterator[str]:
    """Yield the lines of a table, not wider than ``width`` where shortening can help."""
    widths = [
        max(len(column.title), *(len(row[place]) for row in rows)) if rows else len(column.title)
        for place, column in enumerate(columns)
    ]
    _shrink(columns, widths, width)
    yield _line(columns, widths, [column.title for column in columns], painted=False)
    for row in rows:
        yield _line(columns, widths, row, painted=True)


def _shrink(columns: Sequence[Column], widths: list[int], width: int | None) -> None:
    if width is None:
        return
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for place in sorted(range(len(columns)), key=lambda it: -columns[it].elastic):
        if columns[place].elastic and excess > 0:
            cut = min(excess, max(0, widths[place] - _LEAST))
            widths[place] -= cut
            excess -= cut


def _line(
    columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str], *, painted: bool
) -> str:
    told, spaces = "", ""
    for column, width, cell in zip(columns, widths, cells, strict=True):
        text = fitted(cell, width)
        padding = " " * (width - len(text))
        shown = column.paint(text) if painted else text
        if not text:  # no spaces at the end of a line
            spaces += padding + _GAP
        elif column.right:
            told, spaces = told + spaces + padding + shown, _GAP
        else:
            told, spaces = told + spaces + shown, padding + _GAP
    return told
