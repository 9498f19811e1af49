"""A report as a picture of its own: SVG that needs nothing but a browser."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from .bars import LEVELS, Cell, cells, runs
from .figures import HEADINGS, figures
from .report import HOUR, AppReport, Report
from .verdict import verdict
from .words import duration, lasted

_BAR: Final = 720
"""Pixels, a cell of the bar each."""
_ROW, _BAR_HEIGHT, _TOP = 26, 16, 74
_NAME_PIXELS, _FIGURE_PIXELS = 7.5, 70
_COLOURS: Final = {
    Cell.UP: "#cfe8cf",
    Cell.LEVEL_1: "#f2d95c",
    Cell.LEVEL_2: "#f5a742",
    Cell.LEVEL_3: "#ee6c2f",
    Cell.LEVEL_4: "#d4261f",
    Cell.LEVEL_5: "#7d0a12",
    Cell.REST: "#eeeeee",
}
_SHORT: Final = {"longest stop": "stop"}
_HUNG: Final = "#7a4fb5"
_STYLE: Final = (
    "text{font:13px sans-serif;fill:#222}.dim{fill:#666}.t{font-size:18px;font-weight:bold}"
    ".n{text-anchor:end}.m{text-anchor:middle}"
)


def svg(report: Report) -> str:
    """Return ``report`` as the text of an SVG file: a bar for each app, figures, the verdict."""
    left = 24 + round(_NAME_PIXELS * max((len(app.name) for app in report.apps), default=0))
    width = left + _BAR + _FIGURE_PIXELS * len(HEADINGS) + 12
    bottom = _TOP + _ROW * len(report.apps)
    words = textwrap.wrap
    lines = [line for sentence in verdict(report) for line in words(sentence, width // 7)]
    height = bottom + 100 + 20 * len(lines)
    body = [
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_title(report),
        *_figures(left, _TOP - 8, [_SHORT.get(it, it) for it in HEADINGS], "n dim"),
        *(part for place, app in enumerate(report.apps) for part in _row(app, report, left, place)),
        *_axis(report, left, bottom),
        *_legend(report, left, bottom + 50),
        *(_text(12, bottom + 90 + 20 * place, line) for place, line in enumerate(lines)),
    ]
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{_STYLE}</style>'
    return "\n".join((head, *body, "</svg>", ""))


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    with_kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{with_kind}>{escape(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, colour: str, title: str = "") -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect {place} fill="{colour}">{inside}</rect>'


def _title(report: Report) -> Iterator[str]:
    yield _text(12, 26, f"{report.tree}: {lasted(report)}, seed {report.seed}", "t")
    stop = f"stopping it all took {duration(report.stop_time)}"
    yield _text(12, 46, f"faults of each app: {report.faults}; {stop}", "dim")


def _figures(left: int, baseline: int, texts: Sequence[str], kind: str) -> Iterator[str]:
    for number, text in enumerate(texts, 1):
        yield _text(left + _BAR + _FIGURE_PIXELS * number, baseline, text, kind)


def _row(app: AppReport, report: Report, left: int, place: int) -> Iterator[str]:
    y = _TOP + place * _ROW
    baseline = y + 13
    yield _text(left - 8, baseline, app.name, "n")
    for first, number, cell in runs(cells(app, report, _BAR)):
        if cell is not Cell.BEYOND:
            yield _rect(left + first, y, number, _BAR_HEIGHT, _COLOURS[cell])
    for hang in app.hangs:
        scale = _BAR / report.asked
        told = f"hung for {duration(hang.seconds)}"
        width = max(1.0, hang.seconds * scale)
        yield _rect(left + hang.since * scale, y + _BAR_HEIGHT, width, 3, _HUNG, told)
    yield from _figures(left, baseline, figures(app), "n")


def _axis(report: Report, left: int, y: int) -> Iterator[str]:
    yield _rect(left, y, _BAR, 1, "#666666")
    for quarter in range(5):
        x = left + _BAR * quarter / 4
        yield _rect(x, y, 1, 5, "#666666")
        label = f"{report.asked / HOUR * quarter / 4:,.4g}" + (" h" if quarter == 4 else "")
        yield _text(x, y + 20, label, "m dim")
    if report.ended_at < report.asked:
        x = left + _BAR * report.ended_at / report.asked
        yield _rect(x, _TOP - 4, 2, y - _TOP + 4, "#000000", "the root ended here")


def _legend(report: Report, left: int, y: int) -> Iterator[str]:
    entries = [("up", _COLOURS[Cell.UP])]
    entries += [(text, _COLOURS[Cell(level)]) for level, text in enumerate(LEVELS, Cell.LEVEL_1)]
    entries += [("not wanted", _COLOURS[Cell.REST]), ("hung", _HUNG)]
    x = left
    for text, colour in entries:
        if colour == _COLOURS[Cell.LEVEL_1]:
            label = f"of a pixel's {duration(report.asked / _BAR)}, down:"
            yield _text(x, y, label, "dim")
            x += 10 + 7 * len(label)
        yield _rect(x, y - 10, 12, 12, colour)
        yield _text(x + 17, y, text, "dim")
        x += 35 + 7 * len(text)
