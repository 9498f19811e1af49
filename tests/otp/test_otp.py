"""We do what the supervisor of Erlang/OTP does, event by event.

A sample; `make test-otp` plays all that there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from tests.otp.compare import ORACLE, Case, cases, on_core, on_shell

pytestmark = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the traces of OTP are not here: ../shared/otp"
)


def written() -> list[Case]:
    return list(cases("cases.scn", "cases.trace"))


def drawn(number: int) -> Iterator[Case]:
    return islice(cases("random.scn.xz", "random.trace.xz"), number)


@pytest.mark.parametrize("difference", [on_core, on_shell])
def test_hand_written_cases(difference: Callable[[Case], str]) -> None:
    assert len(written()) == 54
    for case in written():
        text = difference(case)
        # A deliberate difference that is none any more must leave the list.
        assert bool(text) == case.is_deliberate, text


@pytest.mark.parametrize(("difference", "number"), [(on_core, 2000), (on_shell, 200)])
def test_random_scenarios(difference: Callable[[Case], str], number: int) -> None:
    for case in drawn(number):
        text = difference(case)
        assert not text, text
