"""Values that carry a unit: durations, sizes, processors, signals.

Used for files and for the command line alike. Every parser takes the name of the
field and the value as it was written, and raises :class:`InvalidConfig` naming it.
"""

from __future__ import annotations

import math
import re
import signal as signals
from functools import cache
from typing import Final

from supctl.errors import InvalidConfig

from .mistakes import closest

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[smhd]))+")
_DURATION_PART: Final = re.compile(r"([0-9.]+)(ms|[smhd])")
_DURATION_WANTED: Final = 'a duration such as "100ms", "1.5s", "2m", "1h", or seconds as a number'

_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_SIZE: Final = re.compile(r"([0-9]{1,19}(?:\.[0-9]+)?) ?([KMGT]?)(?:I?B)?")
_SIZE_WANTED: Final = 'a size such as "64K", "512M", "1.5G", or bytes as a whole number'
_LARGEST: Final = 2**63 - 1
"""Bytes; the kernel keeps sizes in a signed 64-bit number."""

_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def parse_duration(field: str, value: object) -> float:
    """Return seconds: from a number of seconds, or text such as ``"1.5s"`` or ``"1h30m"``.

    Raises:
        InvalidConfig: also for what is negative or not finite.
    """
    seconds = _as_number(value)
    if seconds is None and isinstance(value, str) and _DURATION.fullmatch(value):
        parts = _DURATION_PART.findall(value)
        seconds = sum(float(count) * _SECONDS[unit] for count, unit in parts)
    if seconds is None or not 0 <= seconds < math.inf:
        raise InvalidConfig(field, value, _DURATION_WANTED)
    return seconds


def parse_patience(field: str, value: object) -> float | None:
    """Return seconds as :func:`parse_duration`; ``None`` for ``"never"``. Raises InvalidConfig."""
    if value == "never":
        return None
    try:
        return parse_duration(field, value)
    except InvalidConfig:
        raise InvalidConfig(field, value, f'{_DURATION_WANTED}, or "never"') from None


def write_patience(seconds: float | None) -> float | str:
    """Return what :func:`parse_patience` reads as ``seconds``."""
    return "never" if seconds is None else seconds


def parse_size(field: str, value: object) -> int:
    """Return bytes: from a whole number of bytes, or text such as ``"512M"``.

    All multiples are binary: ``K``, ``KB`` and ``KiB`` are each 1024 bytes.

    Raises:
        InvalidConfig: also for what is negative or does not fit 63 bits.
    """
    size: float | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (parts := _SIZE.fullmatch(value.upper())):
        count, unit = parts.groups()
        size = (float(count) if "." in count else int(count)) * 1024 ** _POWERS[unit]
    if size is None or not 0 <= size <= _LARGEST:
        raise InvalidConfig(field, value, _SIZE_WANTED)
    return int(size)


def parse_cpu(field: str, value: object) -> float:
    """Return a number of processors: from that number, or text such as ``"50%"`` of one.

    Raises:
        InvalidConfig: also for what is not more than 0.
    """
    percent = isinstance(value, str) and value.endswith("%")
    number = _as_number(value[:-1].rstrip() if percent and isinstance(value, str) else value)
    if number is None or not 0 < number < math.inf:
        raise InvalidConfig(field, value, 'processors such as 0.5 or 2, or a part of one as "50%"')
    return number / 100 if percent else number


def parse_signal(field: str, value: object) -> int:
    """Return the number of a signal: from ``"INT"``, ``"SIGINT"`` or its number.

    Raises:
        InvalidConfig: this system has no such signal.
    """
    names = _signals()
    if isinstance(value, str) and not value.isdigit():
        name = "SIG" + value.upper().removeprefix("SIG")
        if name in names:
            return names[name]
        mend = closest(name, names)
    else:
        number = _as_number(value)
        if number is not None and number in signals.valid_signals():
            return int(number)
        mend = ""
    raise InvalidConfig(field, value, 'a signal of this system, such as "TERM", "INT" or 15', mend)


@cache
def _signals() -> dict[str, int]:
    return {signal.name: int(signal) for signal in signals.Signals}


def write_signal(number: int) -> str | int:
    """Return the name of a signal without ``SIG``, or the number of one that has no name."""
    try:
        return signals.Signals(number).name.removeprefix("SIG")
    except ValueError:  # most of the real-time ones
        return int(number)


def _as_number(value: object) -> float | None:
    """Return ``value`` as a number if it is one, also one typed as text (no sign, no exponent)."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return None
