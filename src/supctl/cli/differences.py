"""What differs between what runs and what its file says, in words."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any, Final

from supctl.exits import signal_name

from .words import seconds, size

_SIZES: Final = frozenset({"limits.memory", "log.max_size", "log.keep_size", "log.buffer"})
_TIMES: Final = frozenset({
    "stop.grace", "stop.force", "min_uptime", "within", "grace", "hung_after", "log.keep_for",
    "backoff.initial", "backoff.maximum", "backoff.reset_after", "ready.timeout",
    "health.interval", "health.timeout", "health.start_period",
})  # fmt: skip
_LONGEST: Final = 40
"""Characters of a value."""


def differences(row: dict[str, Any]) -> Iterator[str]:
    """Yield what differs, a phrase for each key: those that need a restart first."""
    because = row["because"]
    for key in [*because, *(it for it in row["keys"] if it not in because)]:
        told = _told(key, row["values"].get(key))
        if key in because and len(because) < len(row["keys"]):
            told += " (needs the restart)"
        elif row["will"] == "changed" and key.partition(".")[0] == "ready":
            told += " (from its next start on)"
        yield told


def number_of_instances(values: list[Any]) -> str:
    """Return how many instances there are, and are to be."""
    return f"{values[0]} run, the file says {values[1]}"


def _told(key: str, values: list[Any] | None) -> str:
    if key == "instances" and values is not None:
        return number_of_instances(values)
    if values is None:
        return f"{key} changed"
    before, after = (_worded(key, value) for value in values)
    return f"{key} {before} -> {after}"


def _worded(key: str, value: Any) -> str:
    """Return a value as people say it, shortened if it is long."""
    match value:
        case None | [] | {}:
            told = "none"
        case bool():
            told = str(value).lower()
        case int() if key == "stop.signal":
            told = signal_name(value)
        case int() | float() if key in _SIZES:
            told = size(value)
        case int() | float() if key in _TIMES:
            told = seconds(value)
        case int() | float():
            told = f"{value:g}"
        case [*words] if key == "command":
            told = shlex.join(words)
        case [*items]:
            told = ", ".join(map(str, items))
        case dict():
            told = json.dumps(value)
        case _:
            told = str(value).removeprefix(f"{key} ")
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 3]}..."
