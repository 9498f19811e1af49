"""Times, as people say them."""

from __future__ import annotations

import time
from datetime import datetime

import click
import pytest

from supctl.cli.moments import MOMENT


def moment(text: str) -> float:
    return MOMENT.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("0s", 0), ("500ms", 0.5)]
)
def test_durations_are_before_now(text: str, seconds: float) -> None:
    assert time.time() - moment(text) == pytest.approx(seconds, abs=0.5)


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Asia/Kathmandu"])
def test_times_are_of_the_local_zone_unless_they_say_otherwise(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        now = datetime.now()
        assert (
            moment("14:30") == now.replace(hour=14, minute=30, second=0, microsecond=0).timestamp()
        )
        assert moment("2026-11-21") == datetime(2026, 11, 21).timestamp()
        assert moment("2026-11-21 14:30") == datetime(2026, 11, 21, 14, 30).timestamp()
        assert moment("2026-11-21T14:30:00.5Z") == 1795271400.5
        assert moment("2026-11-21T14:30+05:45") == 1795250700
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["", "tea", "10", "m", "-5m", "25:00", "2026-13-01", "1w", "now"])
def test_what_is_no_time_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time; wanted a duration before now such"):
        moment(text)
