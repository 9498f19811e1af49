"""What a supervisor answers to whom (facts API and AGAIN of ../shared/otp/SEMANTICS.md)."""

from __future__ import annotations

import pytest

from supctl.errors import (
    AlreadyPresent,
    AlreadyRunning,
    InvalidState,
    ProcessNotFound,
    StartFailed,
    SupctlError,
)
from supctl.exits import NORMAL, SHUTDOWN
from supctl.supervision import messages as m
from tests.supervision.world import ALL, World, policy


def test_otp_api_01_requests_wait_their_turn_in_order() -> None:
    world = World("a", "b").up()
    world.slow = {"a"}
    world.exit("a")
    world.feed(m.TerminateChild("b", 1), m.RestartChild("b", 2), m.WhichChildren(3))
    assert world.said(m.Reply) == []
    assert world.rise("a") == "-b +b"
    rows = [("b", "running"), ("a", "running")]
    assert world.said(m.Reply) == [m.Reply(1, None), m.Reply(2, 2), m.Reply(3, rows)]


# start_child


def test_otp_api_02_a_new_child_comes_last_and_is_answered_by_its_start() -> None:
    world = World("a").up()
    assert world.add("n") == 1
    assert world.seen() == "+n"
    assert world.ask(m.WhichChildren) == [("n", "running"), ("a", "running")]


def test_otp_api_02_its_addition_is_told_before_its_start() -> None:
    world = World().up()
    world.feed(m.StartChild(policy("n"), "token"))
    assert world.commands[-3:] == [m.Added("n", "token"), m.Start("n", 1), m.Reply("token", 1)]


def test_otp_api_02_a_child_of_that_name_runs() -> None:
    world = World("a").up()
    error = world.add("a")
    assert isinstance(error, AlreadyRunning)
    assert error.what == "a"
    assert world.seen() == ""


def test_otp_api_02_a_child_of_that_name_is_present() -> None:
    world = World("a").up()
    world.ask(m.TerminateChild, "a")
    error = world.add(policy("a", "transient"))
    assert isinstance(error, AlreadyPresent)
    assert (error.child, error.state) == ("a", "stopped")
    assert world.ask(m.RestartChild, "a") == 2
    world.seen()
    assert world.exit("a", NORMAL) == "+a"  # the specification that was given is dropped


def test_otp_api_02_what_does_not_start_is_not_kept() -> None:
    world = World("a", fails=["n"], reports=True).up()
    error = world.add("n")
    assert isinstance(error, StartFailed)
    assert (error.address, error.reason) == ("n", "scripted")
    assert world.seen() == "!n (forgotten n)"
    assert world.core.state_of("n") is None


# terminate_child


def test_otp_api_03_a_terminated_child_is_kept_and_not_counted() -> None:
    world = World("a", "b", max_restarts=0).up()
    assert world.ask(m.TerminateChild, "a") is None
    assert world.ask(m.TerminateChild, "a") is None
    assert world.seen() == "-a"
    assert world.states() == "stopped running"


def test_otp_api_03_a_terminated_temporary_child_is_forgotten() -> None:
    world = World(policy("t", "temporary")).up()
    assert world.ask(m.TerminateChild, "t") is None
    assert world.said(m.Forgotten) == [m.Forgotten("t")]
    assert isinstance(world.ask(m.RestartChild, "t"), ProcessNotFound)


def test_otp_api_03_it_is_answered_when_the_child_is_down() -> None:
    world = World("a").up()
    world.slow = {"a"}
    world.feed(m.TerminateChild("a", "token"))
    assert world.answers_to("token") == []
    world.exit("a", SHUTDOWN)
    assert world.answers_to("token") == [None]


# restart_child


def test_otp_api_04_restart_child_makes_one_attempt() -> None:
    world = World("a", "b").up()
    world.ask(m.TerminateChild, "a")
    world.fails = ["a"]
    error = world.ask(m.RestartChild, "a")
    assert isinstance(error, StartFailed)
    assert (error.address, error.reason) == ("a", "scripted")
    assert world.seen() == "-a !a"
    assert world.states() == "stopped running"
    assert world.ask(m.RestartChild, "a") == 3


def test_otp_api_04_a_transient_child_that_has_ended_can_be_restarted() -> None:
    world = World(policy("a", "transient")).up()
    world.exit("a", NORMAL)
    assert world.ask(m.RestartChild, "a") == 2


def test_otp_again_06_a_failed_request_is_answered_and_nothing_else() -> None:
    world = World("a", strategy=ALL, max_restarts=0, reports=True).up()
    world.ask(m.TerminateChild, "a")
    world.fails = ["a", "n"]
    world.ask(m.RestartChild, "a")
    world.add("n")
    assert world.seen() == "-a !a !n (forgotten n)"
    assert world.finished is None


# delete_child


def test_otp_api_05_a_deleted_child_is_forgotten() -> None:
    world = World("a", "b").up()
    world.ask(m.TerminateChild, "a")
    assert world.ask(m.DeleteChild, "a") is None
    assert world.said(m.Forgotten) == [m.Forgotten("a")]
    assert world.ask(m.WhichChildren) == [("b", "running")]
    assert isinstance(world.ask(m.DeleteChild, "a"), ProcessNotFound)


def test_otp_ofa_06_a_deleted_child_can_be_added_again() -> None:
    world = World("a", "b").up()
    world.ask(m.TerminateChild, "a")
    world.ask(m.DeleteChild, "a")
    assert world.add("a") == 1
    assert [name for name, _ in world.ask(m.WhichChildren)] == ["a", "b"]


@pytest.mark.parametrize("kind", [m.TerminateChild, m.RestartChild, m.DeleteChild])
def test_otp_api_03_to_05_nobody_is_called_so(
    kind: type[m.TerminateChild | m.RestartChild | m.DeleteChild],
) -> None:
    error = World("a").up().ask(kind, "x")
    assert isinstance(error, ProcessNotFound)
    assert error.address == "x"


@pytest.mark.parametrize("kind", [m.RestartChild, m.DeleteChild])
def test_otp_api_04_05_it_must_not_run(kind: type[m.RestartChild | m.DeleteChild]) -> None:
    world = World("a").up()
    error = world.ask(kind, "a")
    assert isinstance(error, InvalidState)
    assert (error.target, error.state, error.wanted) == ("a", "running", "stopped")
    assert world.seen() == ""


@pytest.mark.parametrize(
    ("request_", "error", "state"),
    [
        (m.StartChild(policy("a"), "token"), AlreadyPresent, "waiting"),
        (m.RestartChild("a", "token"), InvalidState, "waiting"),
        (m.DeleteChild("a", "token"), InvalidState, "waiting"),
    ],
)
def test_otp_again_04_it_must_not_be_about_to_be_restarted(
    request_: m.Change, error: type[SupctlError], state: str
) -> None:
    world = World("a").up()
    world.slow = {"a"}
    world.exit("a")
    world.feed(request_)
    assert world.fail("a") == "+a"  # the retry is not void
    answer = world.answer_to("token")
    assert isinstance(answer, error)
    assert answer.state == state  # type: ignore[attr-defined]


# which_children and count_children


def test_otp_api_06_which_children_tells_latest_first() -> None:
    world = World("a", policy("b", "transient"), "c", ignores=["c"]).up()
    world.exit("b", NORMAL)
    world.add("n")
    assert world.ask(m.WhichChildren) == [
        ("n", "running"),
        ("c", "stopped"),
        ("b", "stopped"),
        ("a", "running"),
    ]


def test_otp_api_07_count_children_counts_by_label() -> None:
    world = World("a", policy("s", "transient", is_supervisor=True), "b").up()
    assert world.ask(m.CountChildren) == m.Counts(specs=3, active=3, supervisors=1, workers=2)
    world.exit("s", NORMAL)
    assert world.ask(m.CountChildren) == m.Counts(specs=3, active=2, supervisors=1, workers=2)


def test_otp_api_07_who_is_dead_does_not_count_though_its_end_has_not_been_seen_to() -> None:
    world = World("a", "b", policy("t", "temporary")).up()
    world.slow = {"a"}
    world.exit("a")
    world.feed(m.CountChildren("count"), m.WhichChildren("which"))
    world.exit("t")
    world.rise("a")
    assert world.answer_to("count") == m.Counts(specs=3, active=2, supervisors=0, workers=3)
    assert world.answer_to("which")[0] == ("t", "running")  # a list of the supervisor's, not a look


# When it ends


def test_requests_to_a_supervisor_that_ends_are_refused() -> None:
    world = World("a").up()
    world.slow = {"a"}
    asked: list[m.Request] = [
        m.StartChild(policy("n"), 1),
        m.TerminateChild("a", 2),
        m.RestartChild("a", 3),
        m.DeleteChild("a", 4),
        m.WhichChildren(5),
        m.CountChildren(6),
    ]
    world.feed(m.Shutdown(), *asked)
    assert world.seen() == "-a"
    assert world.exit("a", SHUTDOWN) == "over"
    world.feed(*asked)  # and when it is over
    for request in asked:
        refused, again = world.answers_to(request.token)
        assert isinstance(refused, InvalidState)
        assert isinstance(again, InvalidState)
        assert refused.state == "stopping"


def test_who_asked_for_what_is_called_off_is_answered() -> None:
    world = World("a").up()
    world.slow = {"n"}
    world.feed(m.StartChild(policy("n"), "token"), m.Shutdown(urgent=True))
    assert world.seen() == "+n -n"
    assert isinstance(world.answer_to("token"), InvalidState)
    assert world.fail("n") == "-a over"
