"""When lines of many apps are waited for, and when not."""

from __future__ import annotations

from supctl.logs.crowd import NAP, Crowd


def naps(crowd: Crowd, reads: int, size: int, seconds: float, now: float) -> list[float]:
    """Let so many reads come one by one within ``seconds``; return the naps."""
    found = []
    for number in range(reads):
        crowd.came(size)
        found.append(crowd.nap(now + seconds * number / reads))
    return found


def test_a_thousand_lines_a_second_are_no_crowd() -> None:
    assert set(naps(Crowd(), 5000, 64, 5.0, 100.0)) == {0.0}


def test_a_flood_is_none_either() -> None:
    assert set(naps(Crowd(), 50_000, 64 * 1024, 1.0, 100.0)) == {0.0}


def test_a_crowd_is_waited_for_until_it_is_gone() -> None:
    crowd = Crowd()
    assert naps(crowd, 512, 64, 0.03, 100.0)[-1] == NAP
    for _ in range(10):
        for _ in range(200):
            crowd.came(64)
        assert crowd.nap(101.0) == NAP
    crowd.came(64)
    assert crowd.nap(102.0) == 0.0


def test_one_who_writes_much_is_not_waited_for() -> None:
    crowd = Crowd()
    assert naps(crowd, 512, 64, 0.02, 100.0)[-1] == NAP
    crowd.came(64 * 1024)
    assert crowd.nap(101.0) == 0.0
