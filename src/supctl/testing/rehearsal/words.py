"""Figures of a rehearsal as words."""

from __future__ import annotations

import math

from .report import HOUR, Report


def duration(seconds: float) -> str:
    """Return a duration in at most seven characters: ``0.15s``, ``42s``, ``1m12s``, ``3h20m``."""
    if seconds < 10:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + "s"
    whole = round(seconds)
    if whole < HOUR:
        return _joined(whole, "m", "s")
    minutes = round(seconds / 60)
    return _joined(minutes, "h", "m") if minutes < 6000 else f"{seconds / HOUR:,.0f}h"


def _joined(number: int, large: str, small: str) -> str:
    """Return ``number`` sixtieths: without what is nothing, ``12s``, ``1m``, ``1m02s``."""
    whole, rest = divmod(number, 60)
    if not whole:
        return f"{rest}{small}"
    return f"{whole}{large}{rest:02}{small}" if rest else f"{whole}{large}"


def percent(share: float | None) -> str:
    """Return a share of time, never rounded up: only what was never down shows ``100``."""
    if share is None:
        return "-"
    return "100" if share == 1 else f"{math.floor(share * 100_000) / 1000:.3f}"


def hour(at: float) -> str:
    """Return an instant of a rehearsal: ``hour 31.2``, ``hour 0.02``."""
    return f"hour {at / HOUR:.1f}" if at >= HOUR else f"hour {at / HOUR:.2g}"


def hours(seconds: float) -> str:
    """Return a long time in hours: ``1,000 hours``, ``12.3 hours``."""
    text = f"{seconds / HOUR:,.1f}".removesuffix(".0")
    return f"{text} hour" if text == "1" else f"{text} hours"


def lasted(report: Report) -> str:
    """Return how long a rehearsal was: ``1,000 hours``, or ``48.1 of 1,000 hours``."""
    asked = hours(report.asked)
    if report.ended_at >= report.asked:
        return asked
    return f"{hours(report.ended_at).partition(' ')[0]} of {asked}"


def times(number: int) -> str:
    """Return ``once``, ``twice``, ``12 times``."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def counted(number: int, noun: str) -> str:
    """Return ``1 outage``, ``1,234 outages``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
