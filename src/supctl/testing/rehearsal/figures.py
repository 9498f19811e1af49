"""The figures of an app that every picture of a report shows, as text."""

from __future__ import annotations

from typing import Final

from .report import AppReport
from .words import duration, percent

HEADINGS: Final = (
    "up %",
    "outages",
    "longest",
    "restarts",
    "gave up",
    "escalated",
    "longest stop",
    "hung",
)


def figures(app: AppReport) -> tuple[str, ...]:
    """Return a text for each of :data:`HEADINGS`; ``-`` where there is nothing to tell."""
    longest = app.longest
    return (
        percent(app.availability),
        _number(len(app.outages)),
        "-" if longest is None else duration(longest.seconds),
        _number(app.restarts),
        _number(app.give_ups),
        _number(app.escalations),
        "-" if app.slowest_stop is None else duration(app.slowest_stop),
        duration(sum(span.seconds for span in app.hangs)) if app.hangs else "-",
    )


def _number(value: int) -> str:
    return f"{value:,}" if value else "-"
