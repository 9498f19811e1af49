"""When files are rotated by the clock on the wall, daylight saving and all."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

from supctl.specs.log import Every

_HOUR = 3600
_LOCAL_TIME = Path("/etc/localtime")


def next_rotation(after: float, every: Every, at: time_of_day, zone: tzinfo) -> float:
    """Return the first moment after ``after`` at which a file is to be rotated.

    Both are seconds since 1970. A time of day that comes twice, as clocks are set back, counts
    the first time. One that is skipped counts as if they had not been set yet: 02:30 is then
    03:30. Hours are those that the clock shows: two in one hour that is repeated.
    """
    return _next_hour(after, zone) if every is Every.HOURLY else _next_day(after, at, zone)


def local_zone() -> tzinfo:
    """Return the zone of this system: that of TZ, else of /etc/localtime."""
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with _LOCAL_TIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (
        OSError,
        KeyError,
        ValueError,
    ):  # a rule such as CET-1CEST, or no such file; it has an offset
        return datetime.fromtimestamp(time.time(), UTC).astimezone().tzinfo or UTC


def _next_hour(after: float, zone: tzinfo) -> float:
    # Where an offset changes by half an hour, full hours do not follow each other in 3,600 s.
    offsets = {_offset(after + hours * _HOUR, zone) for hours in (0, 1, 2)}
    hours = [(after + offset) // _HOUR * _HOUR - offset for offset in offsets]
    full = (hour + number * _HOUR for hour in hours for number in (1, 2))
    return min(moment for moment in full if (moment + _offset(moment, zone)) % _HOUR == 0)


def _offset(moment: float, zone: tzinfo) -> float:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    assert offset is not None
    return offset.total_seconds()


def _next_day(after: float, at: time_of_day, zone: tzinfo) -> float:
    # As many days as are sure to hold one: some zone has skipped a day as a whole.
    today = datetime.fromtimestamp(after, zone).date()
    days = (today + timedelta(days=number) for number in (-1, 0, 1, 2))
    moments = (datetime.combine(day, at, zone).timestamp() for day in days)
    return min(moment for moment in moments if moment > after)
