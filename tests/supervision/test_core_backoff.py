"""What OTP does not have: a delay before a restart, and a child that fails for good."""

from __future__ import annotations

from supctl.exits import NORMAL
from supctl.supervision import messages as m
from tests.supervision.world import ALL, REST, SLOW, World, policy


def last_timer(world: World) -> m.SetTimer:
    return world.said(m.SetTimer)[-1]


def test_it_grows_to_its_maximum_and_is_reset_by_a_stable_run() -> None:
    world = World(policy("a", backoff=SLOW), max_restarts=None).up()
    for delay in [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]:
        assert world.exit("a") == ""
        assert last_timer(world).delay == delay
        assert world.core.due_at("a") == world.now + delay
        assert world.fire(last_timer(world)) == "+a"
        assert world.core.due_at("a") is None
    assert [it.restarts for it in world.said(m.RestartScheduled)] == [1, 2, 3, 4, 5, 6]
    world.now += 59.99
    world.exit("a")
    assert last_timer(world).delay == 4.0
    world.fire(last_timer(world))
    world.now += 60.0
    world.exit("a")
    assert last_timer(world).delay == 0.5


def test_a_group_is_stopped_at_once_and_waits_once() -> None:
    world = World("a", policy("b", backoff=SLOW), "c", strategy=ALL).up()
    assert world.exit("b") == "-c -a"
    assert world.fire(last_timer(world)) == "+a +b +c"
    assert len(world.said(m.SetTimer)) == 1


def test_a_failed_restart_waits_for_its_own_back_off() -> None:
    world = World(policy("a", backoff=SLOW), max_restarts=None).up()
    world.fails = ["a"]
    world.exit("a")
    assert world.fire(last_timer(world)) == "!a"
    assert last_timer(world).delay == 1.0
    assert world.fire(last_timer(world)) == "+a"


def test_a_member_that_does_not_start_waits_and_its_group_with_it() -> None:
    world = World("a", policy("b", backoff=SLOW), "c", strategy=REST).up()
    world.fails = ["b"]
    assert world.exit("a") == "-c -b +a !b"
    assert world.fire(last_timer(world)) == "+b +c"


def test_a_crash_takes_over_the_wait_of_a_member() -> None:
    world = World(policy("a", backoff=SLOW), policy("b", backoff=SLOW), strategy=ALL).up()
    assert world.exit("b") == "-a"
    world.ask(m.RestartChild, "a")
    assert world.seen() == "+a"
    world.exit("a")
    first, second = world.said(m.SetTimer)
    assert world.core.due_at("b") == world.core.due_at("a")
    assert world.fire(first) == ""
    assert world.fire(second) == "+a +b"


# Timers that have been overtaken.


def test_a_timer_that_was_overtaken_does_nothing() -> None:
    world = World("a", policy("b", backoff=SLOW), strategy=ALL).up()
    world.exit("b")
    assert world.ask(m.TerminateChild, "b") is None
    assert world.ask(m.RestartChild, "b") == 2
    world.seen()
    assert world.fire(last_timer(world)) == ""


def test_a_timer_of_an_earlier_wait_does_not_end_a_later_one() -> None:
    world = World(policy("a", backoff=SLOW), max_restarts=None).up()
    world.exit("a")
    world.ask(m.TerminateChild, "a")
    world.ask(m.RestartChild, "a")
    world.exit("a")
    world.seen()
    first, second = world.said(m.SetTimer)
    assert world.fire(first) == ""
    assert world.fire(second) == "+a"


def test_a_timer_of_a_child_that_is_gone_does_nothing() -> None:
    world = World(policy("a", backoff=SLOW)).up()
    world.exit("a")
    world.ask(m.TerminateChild, "a")
    world.ask(m.DeleteChild, "a")
    assert world.fire(last_timer(world)) == ""
    world.add("a")  # and another of its name
    world.exit("a")
    world.seen()
    assert world.fire(last_timer(world)) == ""


def test_urgent_shutdown_does_not_wait_for_a_back_off() -> None:
    world = World(policy("a", backoff=SLOW), "b").up()
    world.exit("a")
    world.feed(m.Shutdown(urgent=True))
    assert world.seen() == "-b over"
    assert world.fire(last_timer(world)) == ""


# give_up_after


def test_one_child_fails_and_its_siblings_live_on() -> None:
    world = World(policy("a", give_up_after=2), "b").up()
    assert [world.exit("a") for _ in range(3)] == ["+a", "+a", "failed a"]
    assert world.states() == "failed running"
    assert world.core.restarts_in_window(world.now) == 2


def test_it_begins_anew_when_an_operator_restarts_it() -> None:
    world = World(policy("a", give_up_after=1)).up()
    world.exit("a")
    assert world.exit("a") == "failed a"
    assert world.ask(m.RestartChild, "a") == 3
    world.seen()
    assert [world.exit("a") for _ in range(2)] == ["+a", "failed a"]


def test_it_begins_anew_after_a_stable_run() -> None:
    world = World(policy("a", give_up_after=1)).up()
    for _ in range(5):
        world.now += 60.0
        assert world.exit("a") == "+a"


def test_a_failed_child_can_be_terminated_and_deleted_and_stays_down() -> None:
    world = World(policy("a", give_up_after=0), "b").up()
    assert world.exit("a") == "failed a"
    assert world.ask(m.TerminateChild, "a") is None
    assert world.states() == "failed running"
    assert world.ask(m.DeleteChild, "a") is None
    assert world.seen() == ""


def test_a_group_restart_leaves_a_failed_child_alone() -> None:
    world = World(policy("a", give_up_after=0), "b", "c", strategy=ALL).up()
    assert world.exit("a") == "failed a"
    assert world.exit("b") == "-c +b +c"


def test_a_member_that_fails_for_good_does_not_hold_up_its_group() -> None:
    world = World("a", policy("b", give_up_after=0), "c", strategy=ALL).up()
    world.fails = ["b"]
    assert world.exit("c") == "-b -a +a !b failed b +c"


def test_what_ends_normally_has_not_failed() -> None:
    world = World(policy("a", "transient", give_up_after=0)).up()
    world.exit("a", NORMAL)
    assert world.states() == "stopped"
