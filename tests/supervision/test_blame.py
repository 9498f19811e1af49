"""Blame: who waits behind a call that ends a member has not ended it."""

from __future__ import annotations

from itertools import permutations

import pytest

from supctl.supervision.blame import Blame


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_the_oldest_is_the_culprit_in_whatever_order_they_are_lost(order: tuple[str, ...]) -> None:
    blame = Blame()
    for call in "xabc":
        blame.begin("member", call)
    blame.end("member", "x")  # it was answered
    for call in order:
        assert blame.is_culprit("member", call) is (call == "a")
        blame.end("member", call)


def test_members_are_judged_apart() -> None:
    blame = Blame()
    for member in "12":
        blame.begin(member, "call")
    blame.begin("1", "other")
    assert not blame.is_culprit("1", "other")
    assert blame.is_culprit("2", "call")
