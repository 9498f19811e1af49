"""systemd's values: time spans, resource limits, shares of the machine."""

from __future__ import annotations

import math
import os
import re
from typing import Any, Final

from supctl.config.units import parse_size
from supctl.errors import InvalidConfig

_UNITS: Final = {
    **dict.fromkeys(("us", "usec", "µs", "μs"), 1e-6),
    **dict.fromkeys(("ms", "msec"), 0.001),
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
    **dict.fromkeys(("M", "month", "months"), 2_629_800.0),
    **dict.fromkeys(("y", "year", "years"), 31_557_600.0),
}
_PART: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([A-Za-zµμ]*)\s*")
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%")
_WANTED: Final = "a time span such as 5s, 1min 30s, or infinity"

INFINITY: Final = "infinity"


def parse_span(field: str, value: str) -> float:
    """Return seconds; infinity for ``infinity``. Raises InvalidConfig."""
    if value == INFINITY:
        return math.inf
    seconds, position = 0.0, 0
    while position < len(value):
        part = _PART.match(value, position)
        if part is None or part[2] not in _UNITS:
            raise InvalidConfig(field, value, _WANTED)
        seconds += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    return seconds


def parse_rlimit(field: str, value: str) -> list[int | str]:
    """Return a soft and a hard limit, from one value for both or ``soft:hard``."""
    soft, colon, hard = value.partition(":")
    return [_limit(field, soft, value), _limit(field, hard if colon else soft, value)]


def _limit(field: str, text: str, whole: str) -> int | str:
    if text == INFINITY:
        return "unlimited"
    try:
        return parse_size(field, text.strip())
    except InvalidConfig:
        raise InvalidConfig(field, whole, "a limit such as 1024, 8M, 1024:4096, infinity") from None


def parse_memory(field: str, value: str) -> int | None:
    """Return bytes; ``None`` for infinity. A part, ``25%``, is one of this machine's memory.

    Raises:
        InvalidConfig: it is something else.
    """
    if value == INFINITY:
        return None
    if part := _PERCENT.fullmatch(value):
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * float(part[1]) / 100)
    return parse_size(field, value)


def seconds_text(seconds: float) -> Any:
    """Return a duration as our format says it; a day for one that never ends."""
    return "1d" if math.isinf(seconds) else f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"
