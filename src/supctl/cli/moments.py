"""Times, as people say them."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

import click

_WANTED: Final = (
    "a duration before now such as 10m or 1h30m, a time of today such as 14:30, or a date or time"
    " such as 2026-11-21, 2026-11-21T14:30 or 2026-11-21T13:30Z"
)


class Moment(click.ParamType[float]):
    """A time, in seconds since 1970; of the local zone unless it tells another."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds; what is no time is a mistake of the caller's (status 2)."""
        text = str(value)
        found = _before_now(text)
        if found is None:
            found = _at(text)
        if found is None:
            self.fail(f"{text!r} is no time; wanted {_WANTED}", param, ctx)
        return found


MOMENT: Final = Moment()


def _before_now(text: str) -> float | None:
    from supctl.config.units import parse_duration
    from supctl.errors import InvalidConfig

    if not text.endswith(("s", "m", "h", "d")):
        return None
    try:
        return time.time() - parse_duration("time", text)
    except InvalidConfig:
        return None


def _at(text: str) -> float | None:
    today = datetime.now().date().isoformat()
    for told in (text, f"{today}T{text}" if ":" in text else text):
        try:
            return datetime.fromisoformat(told).timestamp()
        except (ValueError, OverflowError):
            continue
    return None
