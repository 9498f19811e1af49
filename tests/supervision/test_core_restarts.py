"""Who is restarted, in what order, and when it is too often (facts TYPE, INT, OFA, RFO, AGAIN)."""

from __future__ import annotations

import pytest

from supctl.exits import NORMAL, SHUTDOWN, ExitReason
from supctl.supervision import messages as m
from tests.supervision.world import ALL, CRASH, KILLED, REST, World, policy


@pytest.mark.parametrize(
    ("restart", "reason", "seen"),
    [
        ("permanent", CRASH, "+a"),
        ("permanent", NORMAL, "+a"),
        ("permanent", SHUTDOWN, "+a"),
        ("permanent", KILLED, "+a"),
        ("transient", CRASH, "+a"),
        ("transient", NORMAL, ""),
        ("transient", SHUTDOWN, ""),
        ("transient", KILLED, "+a"),
        ("temporary", CRASH, ""),
        ("temporary", NORMAL, ""),
        ("temporary", SHUTDOWN, ""),
        ("temporary", KILLED, ""),
    ],
)
def test_otp_type_01_to_04_07_restart_types(restart: str, reason: ExitReason, seen: str) -> None:
    assert World(policy("a", restart), "b").up().exit("a", reason) == seen


@pytest.mark.parametrize("reason", [CRASH, NORMAL])
def test_otp_type_04_a_temporary_child_is_forgotten_and_can_be_added_again(
    reason: ExitReason,
) -> None:
    world = World(policy("t", "temporary")).up()
    world.exit("t", reason)
    assert world.said(m.Forgotten) == [m.Forgotten("t")]
    assert world.ask(m.WhichChildren) == []
    assert world.add(policy("t", "temporary")) == 1


def test_otp_type_03_a_transient_child_that_has_ended_is_kept() -> None:
    world = World(policy("a", "transient")).up()
    world.exit("a", NORMAL)
    assert world.said(m.Forgotten) == []
    assert world.states() == "stopped"


def test_otp_type_05_what_is_not_restarted_is_not_counted() -> None:
    world = World(policy("t", "temporary"), policy("n", "transient"), "b", strategy=ALL).up()
    assert world.exit("t") == ""
    assert world.exit("n", NORMAL) == ""
    assert world.core.restarts_in_window(world.now) == 0


# Intensity.


def test_otp_int_01_one_more_than_allowed_gives_up_and_stops_the_rest() -> None:
    world = World("a", "b", "c", max_restarts=2).up()
    assert [world.exit("b") for _ in range(3)] == ["+b", "+b", "gave up b -c -a over"]
    assert world.finished is not None
    assert world.finished.gave_up == m.GaveUp("b", 2, 5.0, CRASH)
    assert world.finished.reason.is_normal  # OTP-NEST-01: its parent sees a shutdown


def test_otp_int_01_zero_forbids_any() -> None:
    assert World("a", max_restarts=0).up().exit("a") == "gave up a over"


@pytest.mark.parametrize(("age", "seen"), [(5.0, "gave up a over"), (5.001, "+a")])
def test_otp_int_02_exactly_as_old_as_the_window_still_counts(age: float, seen: str) -> None:
    world = World("a", max_restarts=1, within=5.0).up()
    assert world.exit("a") == "+a"
    world.now += age
    assert world.core.restarts_in_window(world.now) == (age == 5.0)
    assert world.exit("a") == seen


def test_otp_int_03_the_window_slides() -> None:
    world = World("a", max_restarts=2, within=5.0).up()
    for _ in range(20):
        assert world.exit("a") == "+a"
        world.now += 2.6


def test_otp_int_05_failed_attempts_count() -> None:
    world = World("a", max_restarts=3).up()
    world.fails = ["a", "a", "a", "a"]
    assert world.exit("a") == "!a !a !a gave up a over"


def test_otp_int_06_a_group_restart_counts_once() -> None:
    world = World("a", "b", "c", strategy=ALL, max_restarts=2).up()
    assert world.exit("b") == "-c -a +a +b +c"
    assert world.exit("a") == "-c -b +a +b +c"
    assert world.exit("c") == "gave up c -b -a over"


def test_otp_int_07_requests_are_not_counted() -> None:
    world = World("a", max_restarts=0).up()
    world.add("n")
    world.ask(m.TerminateChild, "a")
    world.ask(m.RestartChild, "a")
    assert world.core.restarts_in_window(world.now) == 0
    assert world.finished is None


def test_unlimited_intensity_remembers_nothing() -> None:
    world = World("a", max_restarts=None).up()
    for _ in range(1000):
        assert world.exit("a") == "+a"
    assert world.core.restarts_in_window(world.now) == 0


# Groups.


def test_otp_ofa_02_temporary_members_go_with_the_group_and_stay_away() -> None:
    world = World("a", policy("t", "temporary"), "b", strategy=ALL).up()
    assert world.exit("a") == "-b -t +a +b"
    assert world.said(m.Forgotten) == [m.Forgotten("t")]
    assert world.exit("b") == "-a +a +b"


def test_otp_ofa_03_a_group_restart_revives_what_was_stopped() -> None:
    world = World("a", policy("t", "transient"), "b", strategy=ALL).up()
    world.exit("t", NORMAL)
    assert world.ask(m.TerminateChild, "b") is None
    world.seen()
    assert world.exit("a") == "+a +t +b"


def test_otp_ofa_04_a_member_that_does_not_start_begins_the_group_anew() -> None:
    world = World("a", "b", "c", strategy=ALL, max_restarts=2).up()
    world.fails = ["b"]
    assert world.exit("c") == "-b -a +a !b -a +a +b +c"


def test_otp_ofa_05_the_offender_is_the_member_that_did_not_start() -> None:
    world = World("a", "b", strategy=ALL, max_restarts=1).up()
    world.fails = ["b", "b"]
    assert world.exit("a") == "-b +a !b gave up b -a over"


def test_otp_ofa_06_what_was_deleted_and_added_again_comes_last() -> None:
    world = World("a", "b", "c", strategy=ALL).up()
    world.ask(m.TerminateChild, "a")
    world.ask(m.DeleteChild, "a")
    world.add("a")
    world.seen()
    assert world.exit("b") == "-a -c +b +c +a"


def test_otp_ofa_06_what_was_added_takes_part_in_its_place() -> None:
    world = World("a", "b", strategy=REST).up()
    world.add("m")
    world.add("n")
    world.seen()
    assert world.exit("m") == "-n +m +n"
    assert world.exit("b") == "-n -m +b +m +n"


def test_otp_rfo_01_only_those_after_it_are_concerned() -> None:
    world = World("a", "b", "c", "d", strategy=REST).up()
    assert world.exit("b") == "-d -c +b +c +d"
    assert world.exit("d") == "+d"


def test_otp_rfo_02_the_retry_begins_at_the_member_that_did_not_start() -> None:
    world = World("a", "b", "c", "d", strategy=REST).up()
    world.fails = ["c"]
    assert world.exit("b") == "-d -c +b !c +c +d"


def test_otp_rfo_03_a_child_that_is_not_restarted_pulls_nobody_with_it() -> None:
    world = World("a", policy("t", "temporary"), policy("n", "transient"), "b", strategy=REST).up()
    assert world.exit("t") == ""
    assert world.exit("n", NORMAL) == ""


# Retries and bursts.


def test_otp_again_01_a_retry_waits_behind_what_has_arrived() -> None:
    world = World("a", "b").up()
    world.slow = {"a"}
    assert world.exit("a") == "+a"
    assert world.exit("b") == ""
    assert world.fail("a") == "+b +a"


def test_otp_again_02_a_stop_is_obeyed_before_the_retry() -> None:
    world = World("a", "b").up()
    world.slow = {"a"}
    assert world.exit("a") == "+a"
    world.feed(m.Shutdown())
    assert world.fail("a") == "-b over"


def test_otp_again_03_what_waits_for_its_retry_is_seen_to() -> None:
    world = World("a", "b", "c", strategy=REST).up()
    world.slow = {"b"}
    assert world.exit("b") == "-c +b"
    world.feed(m.WhichChildren("which"), m.CountChildren("count"))
    assert world.fail("b") == "+b"
    assert world.answer_to("which") == [("c", "stopped"), ("b", "waiting"), ("a", "running")]
    assert world.answer_to("count") == m.Counts(specs=3, active=1, supervisors=0, workers=3)


def test_otp_again_04_a_terminated_child_is_not_tried_again() -> None:
    world = World("a", "b", "c", strategy=REST).up()
    world.slow = {"b"}
    world.exit("b")
    world.feed(m.TerminateChild("b", "token"))
    assert world.fail("b") == ""
    assert world.answer_to("token") is None
    assert world.states() == "running stopped stopped"  # nor is c


def test_otp_again_05_the_first_retry_that_succeeds_makes_the_others_void() -> None:
    world = World("b", "a", "c", strategy=ALL).up()
    world.slow = {"a"}
    assert world.exit("c") == "-a"
    world.exit("a", SHUTDOWN)
    world.exit("b")  # its turn comes before the retry's
    assert world.fail("a") == "+b +a"
    assert world.fail("a") == "-b +b +a"  # the first of two retries
    assert world.rise("a") == "+c"
    assert world.core.restarts_in_window(world.now) == 3


def test_otp_again_07_a_member_that_waits_behind_can_be_started_until_the_retry() -> None:
    world = World("a", "b", strategy=ALL).up()
    world.slow = {"a"}
    assert world.exit("a") == "-b +a"
    world.feed(m.RestartChild("b", "token"))
    assert world.fail("a") == "+b -b +a"
    assert world.answer_to("token") == 2
    assert world.rise("a") == "+b"


def test_otp_burst_01_exits_of_members_are_used_up_by_the_group_restart() -> None:
    world = World("a", "b", policy("t", "transient"), strategy=ALL, max_restarts=1).up()
    world.slow = {"b"}
    assert world.exit("a") == "-t -b"
    assert world.states() == "stopped stopping stopped"
    assert world.exit("b", CRASH) == "+a +b"
    assert world.rise("b") == "+t"
    assert world.states() == "running running running"


def test_otp_burst_01_an_exit_that_waits_is_not_judged_by_its_restart_type() -> None:
    world = World("a", policy("t", "transient"), "z", strategy=ALL, max_restarts=1).up()
    world.slow = {"z"}
    assert world.exit("a") == "-z"
    world.exit("t", NORMAL)
    world.slow.clear()
    assert world.exit("z", SHUTDOWN) == "+a +t +z"


def test_otp_burst_02_each_exit_is_a_restart_of_its_own() -> None:
    world = World("a", "b", max_restarts=1).up()
    world.slow = {"a"}
    assert world.exit("a") == "+a"
    assert world.exit("b") == ""
    assert world.rise("a") == "gave up b -a"


@pytest.mark.parametrize(("first", "then", "restarts"), [("a", "b", 1), ("b", "a", 2)])
def test_otp_burst_03_the_earlier_child_takes_the_later_with_it(
    first: str, then: str, restarts: int
) -> None:
    world = World("a", "b", "s", policy("z", "transient"), strategy=REST).up()
    world.ask(m.TerminateChild, "z")
    world.slow = {"z"}  # its start keeps the supervisor busy while both end
    world.feed(m.RestartChild("z", "token"))
    world.exit(first)
    world.exit(then)
    world.rise("z")
    world.exit("z", SHUTDOWN)
    world.slow.clear()
    world.rise("z")
    assert world.states() == "running running running running"
    assert world.core.restarts_in_window(world.now) == restarts


def test_a_used_up_exit_is_not_taken_for_a_later_one() -> None:
    world = World("a", policy("t", "transient"), "z", strategy=ALL).up()
    world.slow = {"z"}
    assert world.exit("a") == "-z"
    world.exit("t", NORMAL)  # will be used up by the group restart
    assert world.exit("z", SHUTDOWN) == "+a +t +z"
    world.exit("t", CRASH)  # of its new life, while z still starts
    assert world.rise("z") == "-z"  # the crash counts, and it is the crash
