"""A report for a terminal: a table, a picture of the outages in time, and the verdict."""

from __future__ import annotations

import textwrap
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .bars import LEVELS, Cell, cells, runs
from .figures import HEADINGS, figures
from .report import HOUR, Report
from .verdict import verdict
from .words import duration, lasted

_GLYPHS: Final = {
    Cell.BEYOND: ("·", "dim"),
    Cell.REST: (" ", ""),
    Cell.UP: ("─", "green"),
    Cell.LEVEL_1: ("▁", "yellow"),
    Cell.LEVEL_2: ("▂", "yellow"),
    Cell.LEVEL_3: ("▄", "dark_orange"),
    Cell.LEVEL_4: ("▆", "red"),
    Cell.LEVEL_5: ("█", "red"),
}

_BROKEN: Final = {
    "outages": "out-\nages",
    "longest": "longest\noutage",
    "restarts": "re-\nstarts",
    "gave up": "gave\nup",
    "escalated": "escal-\nated",
    "longest stop": "longest\nstop",
}
"""Headings that are wider than their figures, in two lines."""

_NARROWEST_BAR: Final = 20


def draw(report: Report, console: Console) -> None:
    """Print ``report``, as wide as ``console`` at the most."""
    console.print(_title(report), highlight=False)
    console.print(Text(f"faults of each app: {report.faults}", style="dim"))
    console.print()
    console.print(_table(report))
    console.print()
    for line in _picture(report, console.width):
        console.print(line, no_wrap=True, overflow="crop")
    console.print()
    for sentence in verdict(report):
        for words in textwrap.wrap(sentence, console.width):
            console.print(Text(words))


def _title(report: Report) -> Text:
    stop = f"stopping it all took {duration(report.stop_time)}"
    return Text.assemble((report.tree, "bold"), f": {lasted(report)}, seed {report.seed}; {stop}")


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("app", overflow="fold", vertical="bottom")
    for heading in HEADINGS:
        broken = _BROKEN.get(heading, heading)
        table.add_column(broken, justify="right", no_wrap=True, vertical="bottom")
    for app in report.apps:
        style = "red" if app.failed_at is not None or app.availability is None else ""
        told = (Text(figure, style) for figure in figures(app))
        table.add_row(Text(app.name, style or "cyan"), *told)
    return table


def _picture(report: Report, width: int) -> list[Text]:
    names = max((len(app.name) for app in report.apps), default=0)
    names = min(names, max(8, width // 3))
    number = max(_NARROWEST_BAR, width - names - 1)
    lines = []
    for app in report.apps:
        line = Text(f"{_fit(app.name, names)} ", "cyan")
        for _, count, cell in runs(cells(app, report, number)):
            glyph, style = _GLYPHS[cell]
            line.append(glyph * count, style)
        lines.append(line)
    axis, labels = _axis(report.asked / HOUR, number)
    indent = " " * (names + 1)
    return [*lines, Text(indent + axis), Text(indent + labels), _legend(report, number)]


def _fit(name: str, width: int) -> str:
    return name.ljust(width) if len(name) <= width else "…" + name[1 - width :]


def _axis(asked: float, number: int) -> tuple[str, str]:
    """Return a line with four ticks and one with their hours."""
    axis, labels = [" "] * number, [" "] * number
    for quarter in range(5):
        text = f"{asked * quarter / 4:,.4g}" + (" h" if quarter == 4 else "")
        place = round((number - 1) * quarter / 4)
        axis[place] = "╵"
        first = min(max(0, place - len(text) // 2), number - len(text))
        labels[first : first + len(text)] = text
    return "".join(axis), "".join(labels)


def _legend(report: Report, number: int) -> Text:
    legend = Text(f"of each column's {duration(report.asked / number)}, down:", "dim")
    for level, meaning in enumerate(LEVELS, Cell.LEVEL_1):
        glyph, style = _GLYPHS[Cell(level)]
        legend.append(f"  {glyph} ", style).append(meaning, "dim")
    return legend
