"""Our core does what the supervisor of Erlang/OTP does, event by event.

A sample; `make test-otp` plays all that there is.
"""

from __future__ import annotations

from itertools import islice

import pytest

from tests.otp.compare import ORACLE, cases, difference

pytestmark = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the traces of OTP are not here: ../shared/otp"
)


def test_hand_written_cases() -> None:
    told = {case: difference(case) for case in cases("cases.scn", "cases.trace")}
    assert len(told) == 54
    for case, text in told.items():
        # A deliberate difference that is none any more must leave the list.
        assert bool(text) == case.is_deliberate, text


def test_random_scenarios() -> None:
    for case in islice(cases("random.scn.xz", "random.trace.xz"), 2000):
        text = difference(case)
        assert not text, text
