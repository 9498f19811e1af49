"""How a supervisor starts and ends (facts of ../shared/otp/SEMANTICS.md: START, STOP)."""

from __future__ import annotations

import pytest

from supctl.exits import SHUTDOWN, ExitKind, ExitReason
from supctl.specs import Strategy
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.core import Phase, SupervisorCore
from supctl.supervision.flags import Flags
from supctl.supervision.messages import ChildPolicy
from tests.supervision.world import ALL, CRASH, REST, World, policy


def test_otp_start_01_children_start_in_order() -> None:
    world = World("a", "b", "c")
    world.feed(m.Begin())
    assert world.seen() == "+a +b +c up"


def test_otp_start_01_the_next_waits_for_the_one_before() -> None:
    world = World("a", "b", slow=["a"])
    world.feed(m.Begin())
    assert world.seen() == "+a"
    assert world.rise("a") == "+b up"


def test_a_supervisor_without_children_is_up_at_once_and_over_at_once() -> None:
    world = World()
    world.feed(m.Begin(), m.Shutdown())
    assert world.seen() == "up over"


def test_otp_start_04_failed_start_is_rolled_back_in_reverse() -> None:
    world = World("a", policy("b", "temporary"), "c", "d", fails=["c"])
    world.feed(m.Begin())
    assert world.seen() == "+a +b !c -b -a over"
    assert world.finished is not None
    assert world.finished.not_started == "c"
    assert world.finished.reason.kind is ExitKind.START_FAILED
    assert world.finished.reason.detail == "c: scripted"


def test_otp_start_04_there_is_no_retry_and_nothing_is_counted() -> None:
    world = World("a", max_restarts=0, fails=["a"])
    world.feed(m.Begin())
    assert world.seen() == "!a over"
    assert world.said(m.GaveUp) == []


def test_otp_start_10_a_child_that_is_dead_already_is_restarted_after_the_start_phase() -> None:
    world = World("a", "b", slow=["b"])
    world.feed(m.Begin())
    assert world.exit("a") == "+a +b"
    assert world.rise("b") == "up +a"


# Ignore.


def test_otp_start_06_an_ignored_start_counts_as_done_and_can_be_made_good() -> None:
    world = World("a", "b", "c", ignores=["b"])
    world.feed(m.Begin())
    assert world.seen() == "+a ~b +c up"
    assert world.states() == "running stopped running"
    world.ignores.clear()
    assert world.ask(m.RestartChild, "b") == 2
    assert world.states() == "running running running"


def test_otp_start_06_an_ignored_temporary_child_is_forgotten_at_once() -> None:
    world = World("a", policy("t", "temporary"), "c", ignores=["t"], reports=True)
    world.feed(m.Begin())
    assert world.seen() == "+a ~t (forgotten t) +c up"
    assert world.core.state_of("t") is None


@pytest.mark.parametrize(
    ("restart", "state"),
    [("permanent", "stopped"), ("transient", "stopped"), ("temporary", "None")],
)
def test_otp_start_06_an_ignored_start_child_is_answered_by_nothing(
    restart: str, state: str
) -> None:
    world = World("a", ignores=["n"]).up()
    assert world.add(policy("n", restart)) is None
    assert str(world.core.state_of("n")) == state


def test_otp_start_06_an_ignored_restart_child_is_answered_by_nothing() -> None:
    world = World("a").up()
    world.ask(m.TerminateChild, "a")
    world.ignores = {"a"}
    assert world.ask(m.RestartChild, "a") is None
    assert world.states() == "stopped"


def test_otp_ofo_03_an_ignored_restart_is_a_success() -> None:
    world = World("a", "b", ignores=["a"])
    world.ignores.clear()
    world.up().ignores = {"a"}
    assert world.exit("a") == "~a"
    assert world.states() == "stopped running"
    assert world.core.restarts_in_window(world.now) == 1


def test_otp_start_06_a_group_restart_tries_an_ignored_child_again() -> None:
    world = World("a", "b", "c", strategy=ALL, ignores=["b"]).up()
    assert world.exit("a") == "-c +a ~b +c"
    world.ignores.clear()
    assert world.exit("a") == "-c +a +b +c"


# The end.


def test_otp_stop_04_children_stop_in_reverse_one_by_one() -> None:
    world = World("a", "b", "c").up()
    world.slow = {"b"}
    world.feed(m.Shutdown())
    assert world.seen() == "-c -b"
    assert world.exit("b", SHUTDOWN) == "-a over"
    assert world.finished == m.Finished(SHUTDOWN)


def test_otp_stop_04_what_was_added_stops_first() -> None:
    world = World("a", "b").up()
    world.add("n")
    world.seen()
    world.feed(m.Shutdown())
    assert world.seen() == "-n -b -a over"


@pytest.mark.parametrize("concurrent", [False, True])
def test_urgent_shutdown_calls_off_the_start_phase(concurrent: bool) -> None:
    world = World("a", "b", "c", slow=["b"], concurrent=concurrent)
    world.feed(m.Begin())
    world.seen()
    world.feed(m.Shutdown(urgent=True))
    assert world.seen() == ("-c -b -a" if concurrent else "-b")
    assert world.rise("b") == ""  # it was on its way
    assert world.exit("b", SHUTDOWN) == ("over" if concurrent else "-a over")
    assert world.core.phase is Phase.OVER


def test_a_patient_shutdown_lets_the_start_phase_end() -> None:
    world = World("a", "b", slow=["b"])
    world.feed(m.Begin(), m.Shutdown())
    assert world.seen() == "+a +b"
    world.slow.clear()
    assert world.rise("b") == "up -b -a over"


def test_urgent_shutdown_calls_off_a_group_restart() -> None:
    world = World("a", "b", "c", strategy=ALL).up()
    world.slow = {"b"}
    assert world.exit("a") == "-c -b"
    world.feed(m.Shutdown(urgent=True))
    assert world.seen() == ""
    assert world.exit("b", SHUTDOWN) == "over"


def test_a_second_shutdown_changes_nothing() -> None:
    world = World("a", "b", strategy=REST).up()
    world.slow = {"b"}
    world.feed(m.Shutdown(), m.Shutdown(urgent=True), m.Shutdown())
    assert world.seen() == "-b"
    assert world.exit("b", CRASH) == "-a over"
    world.feed(m.Shutdown(urgent=True))
    assert world.seen() == ""


@pytest.mark.parametrize("retries", [False, True])
@pytest.mark.parametrize("concurrent", [False, True])
def test_who_does_not_start_by_itself_waits_for_somebody(retries: bool, concurrent: bool) -> None:
    core = SupervisorCore(
        [ChildPolicy("a", autostart=False), ChildPolicy("b")],
        Flags(concurrent=concurrent, retries=retries),
        random=lambda: 0.0,
    )
    assert core.handle(m.Begin(), 0.0) == [m.Start("b", 1)]
    assert m.Up() in core.handle(m.ChildUp("b", 1), 0.0)
    assert core.state_of("a") is m.ChildState.STOPPED
    assert core.handle(m.RestartChild("a", "token"), 1.0) == [m.Start("a", 1)]


def test_a_group_does_not_revive_who_was_never_started() -> None:
    core = SupervisorCore(
        [
            ChildPolicy("a", backoff=NO_BACKOFF, autostart=False),
            ChildPolicy("b", backoff=NO_BACKOFF),
        ],
        Flags(Strategy.ONE_FOR_ALL),
        random=lambda: 0.0,
    )
    core.handle(m.Begin(), 0.0)
    core.handle(m.ChildUp("b", 1), 0.0)
    crashed = ExitReason(ExitKind.CRASHED)
    assert m.Start("b", 2) in core.handle(m.ChildDown("b", 1, crashed), 1.0)
    assert core.state_of("a") is m.ChildState.STOPPED
