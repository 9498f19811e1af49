"""When a supervisor ends because its significant children have (facts SIG)."""

from __future__ import annotations

import pytest

from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.supervision import messages as m
from tests.supervision.world import ALL, CRASH, DYNAMIC, KILLED, REST, SLOW, World, policy

ANY, EVERY, NEVER = "any_significant", "all_significant", "never"


def significant(name: str, restart: str = "transient", **keys: object) -> m.ChildPolicy:
    return policy(name, restart, significant=True, **keys)


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN])
def test_otp_sig_01_the_end_of_a_significant_child_ends_its_supervisor(reason: ExitReason) -> None:
    world = World("a", significant("s"), "b", auto_shutdown=ANY).up()
    assert world.exit("s", reason) == "no more s -b -a over"
    assert world.finished is not None
    assert world.finished.reason.kind is ExitKind.SHUTDOWN
    assert world.finished.gave_up is None


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, CRASH, KILLED])
def test_otp_sig_02_a_temporary_one_may_end_as_it_likes(reason: ExitReason) -> None:
    world = World("a", significant("s", "temporary"), auto_shutdown=ANY).up()
    assert world.exit("s", reason) == "no more s -a over"


def test_otp_sig_03_the_last_significant_child_takes_the_rest_with_it() -> None:
    world = World("a", significant("s"), significant("t", "temporary"), auto_shutdown=EVERY).up()
    assert world.exit("t") == ""
    assert world.exit("s", NORMAL) == "no more s -a over"


def test_otp_sig_03_others_do_not_matter() -> None:
    world = World(policy("n", "transient"), significant("s"), "b", auto_shutdown=EVERY).up()
    assert world.exit("n", NORMAL) == ""
    assert world.exit("s", NORMAL) == "no more s -b over"


def test_otp_sig_04_terminating_one_does_not_end_the_supervisor() -> None:
    for auto_shutdown in (ANY, EVERY):
        world = World("a", significant("s"), auto_shutdown=auto_shutdown).up()
        world.ask(m.TerminateChild, "s")
        assert world.seen() == "-s"
        assert world.finished is None


def test_otp_sig_05_nor_does_a_group_restart_that_stops_it() -> None:
    world = World(
        "a", significant("s"), significant("t", "temporary"), strategy=ALL, auto_shutdown=ANY
    ).up()
    assert world.exit("a") == "-t -s +a +s"


def test_otp_sig_05_nor_does_an_end_that_a_group_restart_uses_up() -> None:  # BURST-04
    world = World("a", significant("s"), "z", strategy=REST, auto_shutdown=ANY).up()
    world.slow = {"z"}
    world.exit("a")
    world.exit("s", NORMAL)
    world.slow.clear()
    world.exit("z", SHUTDOWN)
    assert world.finished is None
    assert world.states() == "running running running"


def test_otp_sig_05_nor_does_a_crash_that_is_followed_by_a_restart() -> None:
    world = World("a", significant("s"), auto_shutdown=ANY).up()
    assert world.exit("s", CRASH) == "+s"


@pytest.mark.parametrize(
    ("restart", "seen"),
    [("transient", "no more s -a over"), ("temporary", "no more s -a over")],
)
def test_otp_sig_06_it_goes_upwards(restart: str, seen: str) -> None:
    """A supervisor that has shut itself down is a significant child that has ended normally."""
    below = World(significant("w"), auto_shutdown=ANY).up()
    below.exit("w", NORMAL)
    assert below.finished is not None
    above = World("a", significant("s", restart, is_supervisor=True), auto_shutdown=ANY).up()
    assert above.exit("s", below.finished.reason) == seen


def test_otp_sig_06_a_permanent_supervisor_that_has_shut_itself_down_is_restarted() -> None:
    below = World(significant("w"), auto_shutdown=ANY).up()
    below.exit("w", NORMAL)
    assert below.finished is not None
    above = World(policy("s", is_supervisor=True), auto_shutdown=ANY).up()
    assert above.exit("s", below.finished.reason) == "+s"
    assert above.core.restarts_in_window(above.now) == 1


def test_otp_sig_07_giving_up_is_an_end_like_another() -> None:
    below = World("w", max_restarts=0).up()
    below.exit("w")
    assert below.finished is not None
    above = World("a", significant("s", is_supervisor=True), auto_shutdown=ANY).up()
    assert above.exit("s", below.finished.reason) == "no more s -a over"


@pytest.mark.parametrize("state", ["ignored", "terminated", "ended"])
def test_otp_sig_09_who_has_no_process_is_not_waited_for(state: str) -> None:
    ignores = ["t"] if state == "ignored" else []
    world = World(significant("s"), significant("t"), auto_shutdown=EVERY, ignores=ignores).up()
    if state == "terminated":
        world.ask(m.TerminateChild, "t")
    elif state == "ended":
        assert world.exit("t", NORMAL) == ""
    world.seen()
    assert world.exit("s", NORMAL) == "no more s over"


def test_otp_sig_09_who_is_about_to_be_restarted_is_waited_for() -> None:
    world = World(significant("s"), significant("t", backoff=SLOW), auto_shutdown=EVERY).up()
    world.exit("t")
    assert world.exit("s", NORMAL) == ""
    assert world.fire(world.said(m.SetTimer)[-1]) == "+t"
    assert world.exit("t", NORMAL) == "no more t over"


def test_otp_sig_09_who_has_ended_unseen_is_waited_for() -> None:
    """The ends of both have arrived; the second to be seen to is the last."""
    world = World("a", significant("s"), significant("t"), auto_shutdown=EVERY).up()
    world.slow = {"a"}
    world.exit("a")
    world.exit("s", NORMAL)
    world.exit("t", NORMAL)
    world.slow.clear()
    assert world.rise("a") == "no more t -a over"


def test_otp_sig_11_when_the_last_instance_is_gone() -> None:
    world = World(strategy=DYNAMIC, auto_shutdown=EVERY).up()
    for name in "abc":
        world.add(significant(name))
    world.seen()
    assert world.exit("b", NORMAL) == ""
    assert world.exit("a", NORMAL) == ""
    assert world.exit("c", NORMAL) == "no more c over"


def test_otp_sig_12_under_never_nothing_is_triggered() -> None:
    world = World(significant("s"), auto_shutdown=NEVER).up()
    assert world.exit("s", NORMAL) == ""
    assert world.finished is None


# Ours: give_up_after.


@pytest.mark.parametrize("auto_shutdown", [ANY, EVERY])
def test_failing_for_good_is_an_end_of_ones_own(auto_shutdown: str) -> None:
    world = World("a", significant("s", give_up_after=1), auto_shutdown=auto_shutdown).up()
    assert world.exit("s") == "+s"
    assert world.exit("s") == "failed s no more s -a over"


def test_who_has_failed_for_good_is_not_waited_for() -> None:
    children = [significant("s", give_up_after=0), significant("t")]
    world = World("a", *children, auto_shutdown=EVERY).up()
    assert world.exit("s") == "failed s"
    assert world.exit("t", NORMAL) == "no more t -a over"


def test_failing_for_good_in_a_retry_is_an_end_too() -> None:
    world = World("a", significant("s", give_up_after=1), auto_shutdown=ANY).up()
    world.fails = ["s"]
    assert world.exit("s") == "!s failed s no more s -a over"
