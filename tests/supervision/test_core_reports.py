"""What a supervisor reports, and when (facts REP and STOP-02 of ../shared/otp/SEMANTICS.md)."""

from __future__ import annotations

import pytest

from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.supervision import messages as m
from tests.supervision.world import ALL, CRASH, KILLED, NO_START, World, policy

C = m.Context
LEFT = ExitReason(ExitKind.SHUTDOWN, detail="by itself")
LOST = ExitReason(ExitKind.LOST)


@pytest.mark.parametrize(
    ("restart", "reason", "reported"),
    [
        ("permanent", NORMAL, True),
        ("permanent", SHUTDOWN, True),
        ("permanent", CRASH, True),
        ("transient", NORMAL, False),
        ("transient", SHUTDOWN, False),
        ("transient", KILLED, True),
        ("temporary", NORMAL, False),
        ("temporary", CRASH, True),
    ],
)
def test_otp_rep_01_ends_that_are_no_ends_of_work(
    restart: str, reason: ExitReason, reported: bool
) -> None:
    world = World(policy("a", restart)).up()
    world.exit("a", reason)
    expected = [m.Report(C.CHILD_TERMINATED, "a", reason)] if reported else []
    assert world.said(m.Report) == expected


def test_otp_rep_01_a_start_that_fails_in_the_start_phase() -> None:
    world = World("a", "b", fails=["b"])
    world.feed(m.Begin())
    assert world.said(m.Report) == [m.Report(C.START_ERROR, "b", NO_START)]


def test_otp_rep_04_the_end_then_the_restart_then_its_failure() -> None:
    world = World("a", max_restarts=2, reports=True).up()
    world.fails = ["a"]
    assert world.exit("a") == "(child_terminated a: crashed) !a (start_error a: start_failed) +a"


def test_otp_rep_04_the_end_then_giving_up_then_the_stops() -> None:
    world = World("a", "b", max_restarts=0, reports=True).up()
    assert world.exit("b") == (
        "(child_terminated b: crashed) gave up b (shutdown b: crashed) -a over"
    )


def test_otp_rep_04_giving_up_after_a_failed_start() -> None:
    world = World("a", max_restarts=1, reports=True).up()
    world.fails = ["a", "a"]
    assert world.exit("a") == (
        "(child_terminated a: crashed) !a (start_error a: start_failed) "
        "gave up a (shutdown a: start_failed) over"
    )


def test_otp_rep_04_an_ill_end_is_told_before_the_next_is_stopped() -> None:
    world = World("a", "b", ends={"b": CRASH}, reports=True).up()
    world.feed(m.Shutdown())
    assert world.seen() == "-b (shutdown_error b: crashed) -a over"


@pytest.mark.parametrize(
    ("restart", "brutal", "reason", "reported"),
    [
        ("permanent", False, SHUTDOWN, False),
        ("permanent", False, LEFT, False),  # we do not tell it from the end we asked for
        ("permanent", False, NORMAL, True),
        ("permanent", False, KILLED, True),  # its time was over
        ("permanent", False, CRASH, True),
        ("permanent", True, KILLED, False),
        ("permanent", True, SHUTDOWN, True),  # it was faster than the kill
        ("permanent", True, NORMAL, True),
        ("transient", False, NORMAL, False),
        ("transient", False, KILLED, True),
        ("transient", False, CRASH, True),
        ("transient", True, KILLED, False),
        ("transient", True, SHUTDOWN, False),
        ("transient", True, LOST, True),
        ("temporary", False, NORMAL, False),
        ("temporary", False, CRASH, True),
        ("temporary", True, NORMAL, False),
    ],
)
@pytest.mark.parametrize("how", ["shutdown", "terminate", "group"])
def test_otp_stop_02_how_a_child_may_end_that_is_stopped(
    restart: str, brutal: bool, reason: ExitReason, reported: bool, how: str
) -> None:
    child = policy("a", restart, brutal=brutal)
    world = World(child, "z", strategy=ALL, ends={"a": reason}).up()
    if how == "shutdown":
        world.feed(m.Shutdown())
    elif how == "terminate":
        world.ask(m.TerminateChild, "a")
    else:
        world.exit("z")
    expected = [m.Report(C.SHUTDOWN_ERROR, "a", reason)] if reported else []
    about_a = [report for report in world.said(m.Report) if report.name == "a"]
    assert about_a == expected


def test_otp_burst_01_an_end_that_is_used_up_is_reported_as_that_of_a_stop() -> None:
    world = World("a", "b", "z", strategy=ALL, reports=True).up()
    world.slow = {"z"}
    assert world.exit("a") == "(child_terminated a: crashed) -z"
    world.exit("b", CRASH)
    assert world.exit("z", SHUTDOWN) == "(shutdown_error b: crashed) +a +b +z"


def test_otp_rep_06_what_is_silent() -> None:
    children = [policy("n", "transient"), policy("s", "temporary", significant=True), policy("z")]
    world = World(*children, auto_shutdown="any_significant").up()
    world.exit("n", NORMAL)
    world.fails = ["n"]
    world.ask(m.RestartChild, "n")
    world.exit("s", NORMAL)
    assert world.finished is not None
    assert world.said(m.Report) == []


def test_a_child_that_was_called_off_while_it_started_is_not_reported() -> None:
    world = World("a", slow=["a"])
    world.feed(m.Begin(), m.Shutdown(urgent=True))
    assert world.fail("a") == "+a -a over"
    assert world.said(m.Report) == []
