"""Durations, sizes and numbers in words."""

from __future__ import annotations


def seconds(value: float) -> str:
    """Return a duration with a unit and no more digits than it deserves."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 120:
        return f"{value:.3g} s"
    minutes, rest = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(value: float) -> str:
    """Return a number of bytes with a binary unit."""
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def counted(number: int, noun: str) -> str:
    """Return ``"1 restart"``, ``"2 restarts"``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def pid_list(pids: tuple[int, ...]) -> str:
    """Return pids for a sentence, not more than five of them."""
    shown = ", ".join(map(str, pids[:5]))
    more = f" and {len(pids) - 5} more" if len(pids) > 5 else ""
    return f"{'pid' if len(pids) == 1 else 'pids'} {shown}{more}"
