"""Rows: each figure beside what it is compared with, and its goal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, what it is compared with, and where it should be.

    Args:
        ratio: how many times as slow, or as large, as what it is compared with.
        is_met: whether it is where it should be; ``None`` if there is no goal.
    """

    figure: str
    value: str
    compared: str = "-"
    ratio: float | None = None
    goal: str = "-"
    is_met: bool | None = None


def table(title: str, rows: Iterable[Row]) -> Table:
    """Return the rows as a table."""
    drawn = Table(title=title)
    drawn.add_column("figure", no_wrap=True)
    drawn.add_column("supctl", justify="right", no_wrap=True)
    drawn.add_column("compared with", justify="right")
    drawn.add_column("ratio", justify="right", style="bold")
    drawn.add_column("goal", justify="right")
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = {None: "", True: ", met", False: ", [red]missed"}[row.is_met]
        drawn.add_row(row.figure, row.value, row.compared, ratio, row.goal + verdict)
    return drawn
