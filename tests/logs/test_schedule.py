"""Rotation by the clock, around the days when clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supctl.logs.schedule import local_zone, next_rotation
from supctl.specs.log import Every

MIDNIGHT = time(0, 0)
ZONES = st.sampled_from([
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
    "America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo",
]).map(ZoneInfo)  # fmt: skip
CHANGES = [
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),  # Berlin, forward
    datetime(2026, 10, 25, 1, 0, tzinfo=UTC),  # Berlin, back
    datetime(2026, 3, 8, 7, 0, tzinfo=UTC),  # New York, forward
    datetime(2026, 11, 1, 6, 0, tzinfo=UTC),  # New York, back
    datetime(2026, 4, 4, 15, 0, tzinfo=UTC),  # Lord Howe, half an hour back
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe, half an hour forward
    datetime(2011, 12, 30, 10, 0, tzinfo=UTC),  # Apia skips a day
    datetime(2018, 11, 4, 3, 0, tzinfo=UTC),  # Sao Paulo, forward at midnight
]
AROUND = st.builds(
    lambda change, seconds: change.timestamp() + seconds,
    st.sampled_from(CHANGES),
    st.integers(-90_000, 90_000) | st.floats(-90_000, 90_000),
)
ANY = AROUND | st.integers(0, 4_000_000_000).map(float)
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))


@given(ANY, ZONES)
@example(1775312999.0, ZoneInfo("Australia/Lord_Howe"))
@example(datetime(2026, 10, 3, 15, 29, tzinfo=UTC).timestamp(), ZoneInfo("Australia/Lord_Howe"))
def test_hourly_is_the_next_full_hour_that_the_clock_shows(after: float, zone: ZoneInfo) -> None:
    found = next_rotation(after, Every.HOURLY, MIDNIGHT, zone)
    assert after < found <= after + 2 * 3600
    minute = (int(after) // 60 + 1) * 60  # look at every minute in between, as a naive one would
    while datetime.fromtimestamp(minute, zone).minute:
        minute += 60
    assert found == minute


@given(ANY, TIMES, ZONES)
def test_daily_is_the_next_moment_of_that_time(after: float, at: time, zone: ZoneInfo) -> None:
    found = next_rotation(after, Every.DAILY, at, zone)
    assert after < found <= after + 50 * 3600
    shown = datetime.fromtimestamp(found, zone)
    there = datetime.combine(shown.date(), at, zone)
    exists = there.astimezone(UTC).astimezone(zone).time() == at
    if exists:
        assert (shown.time(), shown.fold) == (at, 0)
    else:
        assert found == there.timestamp()


@given(ANY, TIMES, ZONES)
def test_a_file_is_rotated_once_a_day(after: float, at: time, zone: ZoneInfo) -> None:
    first = next_rotation(after, Every.DAILY, at, zone)
    second = next_rotation(first, Every.DAILY, at, zone)
    if zone.key != "Pacific/Apia":
        assert timedelta(hours=21) <= timedelta(seconds=second - first) <= timedelta(hours=27)
    assert second > first


@pytest.mark.parametrize(
    ("after", "at", "expected"),
    [
        ("2026-03-28T20:00+01:00", "02:30", "2026-03-29T03:30+02:00"),  # 02:30 is skipped
        ("2026-03-29T03:30+02:00", "02:30", "2026-03-30T02:30+02:00"),
        ("2026-10-24T20:00+02:00", "02:30", "2026-10-25T02:30+02:00"),  # and comes twice
        ("2026-10-25T02:30+02:00", "02:30", "2026-10-26T02:30+01:00"),
    ],
)
def test_days_on_which_clocks_are_set(after: str, at: str, expected: str) -> None:
    moment = datetime.fromisoformat(after).timestamp()
    found = next_rotation(moment, Every.DAILY, time.fromisoformat(at), ZoneInfo("Europe/Berlin"))
    assert found == datetime.fromisoformat(expected).timestamp()


def test_the_zone_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert local_zone().utcoffset(datetime(2026, 1, 1)) == timedelta(hours=5, minutes=30)
    for odd in ("CET-1CEST", "../../etc/passwd", ""):
        monkeypatch.setenv("TZ", odd)
        assert local_zone().utcoffset(datetime(2026, 1, 1)) is not None
