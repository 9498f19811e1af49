"""Events from a number on, for who comes back."""

from __future__ import annotations

import json

from supctl.daemon.replay import replayed
from supctl.events import ChildIgnored, Event

from .conftest import Desk

FLAPPING = """
[apps.a]
command = ["sleep", "0.01"]
restart = "always"
give_up_after = 1000000
backoff = { initial = "10ms", maximum = "10ms" }

[apps.b]
command = ["sleep", "1000"]
"""


def events(first: int, last: int) -> list[Event]:
    return [ChildIgnored(address="/a", seq=seq) for seq in range(first, last + 1)]


def told(latest: list[Event], since: int) -> list[tuple[str, int]]:
    return [(event.kind, event.seq) for event in replayed(latest, since)]


def test_what_came_after_a_number() -> None:
    kept = events(1, 3)
    assert told(kept, 0) == [("child_ignored", 1), ("child_ignored", 2), ("child_ignored", 3)]
    assert told(kept, 2) == [("child_ignored", 3)]
    assert told(kept, 3) == []
    assert told([], 3) == []


def test_what_is_not_kept_any_more_is_counted() -> None:
    gap, *rest = replayed(events(11, 12), 4)
    assert (gap.as_dict()["event"], gap.as_dict()["count"], gap.seq) == ("events_missed", 6, 10)
    assert [event.seq for event in rest] == [11, 12]
    assert told(events(11, 12), 10) == [("child_ignored", 11), ("child_ignored", 12)]


def test_a_number_of_another_daemon_is_a_gap_of_unknown_size() -> None:
    gap, *rest = replayed(events(1, 2), 500)
    assert (gap.as_dict()["event"], gap.as_dict()["count"]) == ("events_missed", 0)
    assert [event.seq for event in rest] == [1, 2]


def test_who_comes_back_misses_nothing_and_reads_nothing_twice(desk: Desk) -> None:
    desk.run("start", desk.write(FLAPPING))
    numbers: list[int] = []
    while len(numbers) < 60:
        with desk.client() as client:
            since = numbers[-1] if numbers else 0
            for event in client.events(follow=True, since=since):
                numbers.append(event["seq"])
                if len(numbers) % 20 == 0:
                    break
    assert numbers == list(range(1, 61))


def test_a_reader_of_one_app_is_told_of_gaps_too(desk: Desk) -> None:
    desk.run("start", desk.write(FLAPPING))
    desk.run("stop", "a")
    last = json.loads(desk.run("events", "--json").splitlines()[-1])["seq"]
    (gap, *_) = desk.run("events", "b", "--json", "--since", str(last + 1000)).splitlines()
    assert json.loads(gap)["event"] == "events_missed"
    assert desk.run("events", "b", "--json", "--since", str(last)) == ""
