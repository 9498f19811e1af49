"""Dispatch: who gets the next work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.supervision.dispatch import Dispatch

MEMBERS = ("1", "2", "3", "4")

teams = st.sets(st.sampled_from(MEMBERS), min_size=1)


@given(st.lists(st.one_of(st.tuples(teams, st.integers(1, 9)), st.integers(0, 99))))
def test_the_least_loaded_gets_it(steps: list[tuple[set[str], int] | int]) -> None:
    """Against a naive count: work is given, or some that was given before is done."""
    dispatch, given_out = Dispatch(), list[tuple[str, int]]()
    for step in steps:
        if isinstance(step, int):
            if given_out:
                dispatch.take_back(*given_out.pop(step % len(given_out)))
        else:
            team, work = step
            least = min(dispatch.load(member) for member in team)
            before = {member: dispatch.load(member) for member in MEMBERS}
            chosen = dispatch.give(team, work)
            assert chosen in team
            assert before[chosen] == least
            given_out.append((chosen, work))
        for member in MEMBERS:
            assert dispatch.load(member) == sum(n for who, n in given_out if who == member)


@given(st.integers(1, 20))
def test_equals_take_turns(rounds: int) -> None:
    dispatch = Dispatch()
    chosen = []
    for _ in range(rounds * len(MEMBERS)):
        chosen.append(dispatch.give(MEMBERS))
        dispatch.take_back(chosen[-1])
    assert chosen == list(MEMBERS) * rounds


def test_who_joins_is_first_and_nobody_is_an_error() -> None:
    dispatch = Dispatch()
    dispatch.give(["1"])
    dispatch.take_back("1")
    assert dispatch.give(["1", "2"]) == "2"
    with pytest.raises(ValueError, match="empty"):
        dispatch.give([])
