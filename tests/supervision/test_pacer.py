"""The start rate: what it promises of any window, and how supervisors share it."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.specs import StartRate
from supctl.supervision import messages as m
from supctl.supervision.pacer import Pacer
from tests.supervision.world import ALL, SLOW, World, policy

RATES = st.builds(StartRate, st.integers(1, 20), st.sampled_from([0.1, 1.0, 7.0, 60.0]))
PAUSES = st.lists(st.just(0.0) | st.floats(0, 5), min_size=1, max_size=60)


def turns(rate: StartRate, asked_at: list[float], sizes: list[int]) -> list[float]:
    """Return when each of those that ask for so many starts may begin."""
    pacer = Pacer(rate)
    return [now + pacer.reserve(now, starts) for now, starts in zip(asked_at, sizes, strict=True)]


@given(RATES, PAUSES, st.data())
def test_no_window_holds_more_than_the_rate_and_one_burst(
    rate: StartRate, pauses: list[float], data: st.DataObject
) -> None:
    """In ``w`` seconds, at most ``starts * (1 + w / within)``; a last group may stick out.

    That is the burst of ``starts`` that may come at once, and the average that refills it. A
    group is not torn apart: of its ``n`` starts all but the first may lie beyond the bound.
    """
    asked_at = list(accumulate(pauses))
    sizes = data.draw(st.lists(st.integers(1, 8), min_size=len(pauses), max_size=len(pauses)))
    begun_at = turns(rate, asked_at, sizes)
    for first in range(len(begun_at)):
        for last in range(first, len(begun_at)):
            window = begun_at[last] - begun_at[first]
            bound = rate.starts * (1 + window / rate.within) + sizes[last] - 1
            assert sum(sizes[first : last + 1]) <= bound + 1e-6


@given(RATES, PAUSES)
def test_turns_are_given_first_come_first_served(rate: StartRate, pauses: list[float]) -> None:
    asked_at = list(accumulate(pauses))
    begun_at = turns(rate, asked_at, [1] * len(asked_at))
    assert all(asked <= begun for asked, begun in zip(asked_at, begun_at, strict=True))
    assert all(a <= b + 1e-9 for a, b in pairwise(begun_at))


@given(RATES, st.integers(1, 200), st.floats(0, 1e6))
def test_a_herd_starts_in_a_burst_and_then_at_the_rate(
    rate: StartRate, herd: int, now: float
) -> None:
    """Nobody waits longer than the rate asks for: the ``starts`` first do not wait at all."""
    pacer = Pacer(rate)
    delays = [pacer.reserve(now, 1) for _ in range(herd)]
    interval = rate.within / rate.starts
    wanted = [max(0.0, (number + 1 - rate.starts) * interval) for number in range(herd)]
    assert delays == pytest.approx(wanted, abs=1e-6)


@given(RATES, st.integers(0, 200))
def test_after_a_rest_there_is_a_whole_burst_again(rate: StartRate, herd: int) -> None:
    pacer = Pacer(rate)
    for _ in range(herd):
        pacer.reserve(0.0, 1)
    rested_at = (herd + rate.starts) * rate.within / rate.starts
    burst = [pacer.reserve(rested_at, 1) for _ in range(rate.starts)]
    assert burst == pytest.approx([0.0] * rate.starts, abs=1e-9)
    assert pacer.reserve(rested_at, 1) > 0


def test_a_start_every_interval_never_waits() -> None:
    pacer = Pacer(StartRate(4, 1.0))
    assert all(pacer.reserve(number * 0.25, 1) == 0.0 for number in range(1000))


# In the core.


def one_a_second(starts: int = 1) -> Pacer:
    return Pacer(StartRate(starts, float(starts)))


def test_two_supervisors_share_it() -> None:
    pacer = one_a_second()
    one, other = World("a", pacer=pacer).up(), World("b", pacer=pacer).up()
    assert one.exit("a") == "+a"
    assert other.exit("b") == ""
    assert other.said(m.RestartPaced) == [m.RestartPaced("b", 1.0)]
    assert one.exit("a") == ""
    assert one.said(m.RestartPaced) == [m.RestartPaced("a", 2.0)]
    assert other.fire(other.said(m.SetTimer)[-1]) == "+b"
    assert one.fire(one.said(m.SetTimer)[-1]) == "+a"


def test_who_waits_for_its_turn_is_seen_to_wait_and_is_not_paced_twice() -> None:
    pacer = one_a_second()
    pacer.reserve(0.0, 1)
    world = World("a", pacer=pacer).up()
    assert world.exit("a") == ""
    assert world.states() == "waiting"
    assert world.core.due_at("a") == 1.0
    pacer.reserve(0.0, 100)  # those behind it do not matter
    assert world.fire(world.said(m.SetTimer)[-1]) == "+a"
    assert len(world.said(m.RestartScheduled)) == 1  # nor is it counted twice


def test_its_turn_comes_after_its_back_off() -> None:
    pacer = one_a_second()
    pacer.reserve(0.5, 3)
    world = World(policy("a", backoff=SLOW), pacer=pacer).up()
    world.exit("a")
    assert world.fire(world.said(m.SetTimer)[-1]) == ""
    assert world.now == 0.5
    assert world.said(m.RestartPaced) == [m.RestartPaced("a", 3.0)]
    assert world.fire(world.said(m.SetTimer)[-1]) == "+a"


def test_a_group_counts_those_it_starts() -> None:
    pacer = one_a_second()
    children: list[str | m.ChildPolicy] = [
        "a",
        policy("t", "temporary"),
        policy("f", give_up_after=0),
        "b",
    ]
    world = World(*children, strategy=ALL, pacer=pacer).up()
    assert world.exit("f") == "failed f"
    assert world.exit("a") == "-b -t +a +b"
    assert pacer.reserve(0.0, 1) == 2.0


def test_a_group_that_waits_for_its_turn_is_down_meanwhile() -> None:
    pacer = one_a_second()
    pacer.reserve(0.0, 1)
    world = World("a", "b", "c", strategy=ALL, pacer=pacer).up()
    assert world.exit("b") == "-c -a"
    assert world.fire(world.said(m.SetTimer)[-1]) == "+a +b +c"


def test_only_automatic_restarts_are_paced() -> None:
    pacer = one_a_second()
    pacer.reserve(0.0, 100)
    world = World("a", "b", pacer=pacer)
    world.feed(m.Begin())
    world.add("n")
    world.ask(m.TerminateChild, "n")
    world.ask(m.RestartChild, "n")
    assert world.seen() == "+a +b up +n -n +n"
    assert pacer.reserve(0.0, 1) == 100.0


def test_a_failed_restart_takes_another_turn() -> None:
    pacer = one_a_second(2)
    world = World("a", max_restarts=None, pacer=pacer).up()
    world.fails = ["a", "a"]
    assert world.exit("a") == "!a !a"
    assert world.said(m.RestartPaced) == [m.RestartPaced("a", 1.0)]


def test_who_is_terminated_while_it_waits_for_its_turn_waits_for_the_next_as_all_do() -> None:
    pacer = one_a_second()
    pacer.reserve(0.0, 1)
    world = World("a", pacer=pacer).up()
    world.exit("a")
    world.ask(m.TerminateChild, "a")
    world.ask(m.RestartChild, "a")
    world.exit("a")
    assert world.said(m.RestartPaced) == [m.RestartPaced("a", 1.0), m.RestartPaced("a", 2.0)]
