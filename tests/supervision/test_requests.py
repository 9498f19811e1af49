"""The tables of requests are whole, and every refusal is an error of its own."""

from __future__ import annotations

import copy
from collections import Counter
from itertools import product

import pytest

from supctl.errors import (
    AlreadyPresent,
    AlreadyRunning,
    InvalidState,
    ProcessNotFound,
    SupctlError,
    Unsupported,
)
from supctl.supervision import messages as m
from supctl.supervision.messages import ChildState
from supctl.supervision.requests import DYNAMIC, IMPOSSIBLE, TABLE, Place, Verdict, refusal

KINDS = (m.StartChild, m.TerminateChild, m.RestartChild, m.RenewChild, m.DeleteChild)
CARRIED_OUT = {Verdict.ADD, Verdict.STOP, Verdict.START, Verdict.RENEW, Verdict.DELETE}

REFUSALS = {
    Verdict.NOT_FOUND: ProcessNotFound("a"),
    Verdict.ALREADY_STARTED: AlreadyRunning("a", "a child of this name runs"),
    Verdict.ALREADY_PRESENT: AlreadyPresent("a", "waiting"),
    Verdict.RUNNING: InvalidState("a", "waiting", "stopped"),
    Verdict.RESTARTING: InvalidState("a", "waiting", "stopped"),
    Verdict.NOT_HERE: Unsupported(
        "restart and delete", "a dynamic supervisor", "start a new child"
    ),
}
"""The error of each verdict about a child ``a`` that waits for its restart."""


@pytest.mark.parametrize("table", [TABLE, DYNAMIC])
def test_every_pair_is_decided_or_impossible(table: dict[Place, Verdict]) -> None:
    assert table.keys().isdisjoint(IMPOSSIBLE)
    assert table.keys() | IMPOSSIBLE == set(product(KINDS, [None, *ChildState]))


def test_every_verdict_is_carried_out_or_refused() -> None:
    assert CARRIED_OUT.isdisjoint(REFUSALS)
    assert CARRIED_OUT | REFUSALS.keys() == set(Verdict)
    assert set(TABLE.values()) | set(DYNAMIC.values()) == set(Verdict)


def test_a_dynamic_supervisor_differs_in_two_requests_only() -> None:
    differences = {place for place in TABLE if TABLE[place] is not DYNAMIC[place]}
    assert differences == {place for place in TABLE if place[0] in (m.RestartChild, m.DeleteChild)}
    assert {DYNAMIC[place] for place in differences} == {Verdict.NOT_HERE}


def test_what_has_no_process_can_be_restarted_and_deleted_unless_it_is_about_to_start() -> None:
    """The same thing said by rule instead of by table (OTP-API-03 to -05)."""
    stopped = {ChildState.STOPPED, ChildState.FAILED, ChildState.HELD}
    for state in ChildState:
        if state is not ChildState.STOPPING:
            assert TABLE[m.TerminateChild, state] is Verdict.STOP
            assert (TABLE[m.RestartChild, state] is Verdict.START) is (state in stopped)
            assert (TABLE[m.DeleteChild, state] is Verdict.DELETE) is (state in stopped)
            assert TABLE[m.StartChild, state] in (Verdict.ALREADY_STARTED, Verdict.ALREADY_PRESENT)


@pytest.mark.parametrize(("verdict", "wanted"), REFUSALS.items())
def test_a_refusal_is_an_error_with_its_facts(verdict: Verdict, wanted: SupctlError) -> None:
    error = refusal(verdict, "a", ChildState.WAITING)
    assert type(error) is type(wanted)
    assert vars(error) == vars(wanted)
    assert error.args == wanted.args


def test_situations_that_call_for_different_steps_have_different_codes() -> None:
    """Only "it runs" and "it is about to" are one error: it says which in its ``state``."""
    codes = Counter(error.code for error in REFUSALS.values())
    assert codes == {
        "process_not_found": 1,
        "already_running": 1,
        "already_present": 1,
        "invalid_state": 2,
        "unsupported": 1,
    }


@pytest.mark.parametrize("error", REFUSALS.values(), ids=lambda error: error.code)
def test_a_refusal_can_be_rebuilt_from_its_args(error: SupctlError) -> None:
    for again in (type(error)(*error.args), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert vars(again) == vars(error)
        assert str(again) == str(error)


def test_what_a_refusal_says() -> None:
    said = {verdict: str(error) for verdict, error in REFUSALS.items()}
    assert said[Verdict.ALREADY_PRESENT] == (
        "there is a child 'a' already, waiting; restart or delete it"
    )
    assert said[Verdict.NOT_HERE] == (
        "restart and delete is not for a dynamic supervisor; start a new child"
    )
