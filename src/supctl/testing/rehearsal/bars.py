"""Bars: a time of outages cut into cells, for whoever draws it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import groupby
from typing import Final

from .ledger import Outage, Span
from .report import AppReport, Report


class Cell(IntEnum):
    """What a cell of a bar shows. Those from ``LEVEL_1`` on: down, and how much of the time."""

    BEYOND = -2
    """After the end of the rehearsal."""
    REST = -1
    """Nobody wanted it to run."""
    UP = 0
    LEVEL_1 = 1
    LEVEL_2 = 2
    LEVEL_3 = 3
    LEVEL_4 = 4
    LEVEL_5 = 5


BOUNDS: Final = (0.0001, 0.001, 0.01, 0.1)
"""Shares of a cell's time: below the first it is ``LEVEL_1``, from the last on ``LEVEL_5``.

In powers of ten, as outages are: seconds and hours must both be seen, in cells of many hours.
"""

LEVELS: Final = ("<0.01 %", "<0.1 %", "<1 %", "<10 %", "more")
"""What the levels mean, for a legend."""


def cells(app: AppReport, report: Report, number: int) -> list[Cell]:
    """Return the bar of an app over the whole time that was asked for, in ``number`` cells."""
    width = report.asked / number
    down = _sums(app.outages, width, number)
    rest = _sums(app.rests, width, number)
    lived = min(number, _ceil(report.ended_at / width))
    return [_cell(down[place] / width, rest[place] / width) for place in range(lived)] + [
        Cell.BEYOND
    ] * (number - lived)


def runs(bar: Iterable[Cell]) -> Iterator[tuple[int, int, Cell]]:
    """Yield ``(first, number, cell)`` for neighbours that are alike."""
    first = 0
    for cell, group in groupby(bar):
        number = len(list(group))
        yield first, number, cell
        first += number


def _cell(down: float, rest: float) -> Cell:
    if down == 0:
        return Cell.REST if rest > 0.5 else Cell.UP
    return Cell(Cell.LEVEL_1 + sum(down >= bound for bound in BOUNDS))


def _sums(spans: Iterable[Outage | Span], width: float, number: int) -> list[float]:
    """Return how much of ``spans`` falls into each cell, in seconds."""
    sums = [0.0] * number
    for span in spans:
        place = int(span.since / width)
        while place < number and place * width < span.until:
            end = min(span.until, (place + 1) * width)
            sums[place] += end - max(span.since, place * width)
            place += 1
    return sums


def _ceil(value: float) -> int:
    return -int(-value // 1)
