"""``start_failures="retry"``: a child that does not start is like one that crashed."""

from __future__ import annotations

import pytest

from supctl.exits import NORMAL
from supctl.specs import Exhausted, Strategy
from supctl.supervision import messages as m
from supctl.supervision.core import Phase
from supctl.supervision.messages import ChildState
from tests.supervision.world import ALL, DYNAMIC, NO_START, REST, SLOW, World, policy


def begun(world: World) -> str:
    world.feed(m.Begin())
    return world.seen()


def test_the_next_sibling_starts_while_the_failed_one_waits() -> None:
    world = World(policy("a", backoff=SLOW), "b", retries=True, fails="a", reports=True)
    assert begun(world) == "!a (start_error a: start_failed) +b up"
    assert world.states() == "waiting running"
    (timer,) = world.said(m.SetTimer)
    assert world.fire(timer) == "+a"
    assert world.said(m.RestartScheduled) == [m.RestartScheduled("a", 0.5, 1)]


def test_who_depends_on_it_starts_once_it_is_up() -> None:
    world = World(
        policy("db", backoff=SLOW),
        policy("api", depends_on=("db",)),
        policy("web", depends_on=("api",)),
        "cron",
        retries=True,
        fails=("db", "db"),
    )
    assert begun(world) == "!db +cron api waits for db web waits for api up"
    assert world.states() == "waiting held held running"
    assert world.fire(world.said(m.SetTimer)[0]) == "!db"
    assert world.fire(world.said(m.SetTimer)[1]) == "+db +api +web"


def test_concurrent_starts_do_not_wait_for_the_failed_one() -> None:
    world = World(
        policy("a", backoff=SLOW),
        policy("b", depends_on=("a",)),
        "c",
        concurrent=True,
        retries=True,
        slow="abc",
    )
    assert begun(world) == "+a +c"
    assert world.fail("a") == ""
    assert world.fire(world.said(m.SetTimer)[0]) == "+a"  # the start phase goes on meanwhile
    assert world.core.phase is Phase.STARTING
    assert world.rise("c") == "b waits for a up"
    assert world.rise("a") == "+b"


def test_what_has_ended_well_or_was_ignored_is_waited_for_no_more() -> None:
    world = World(
        policy("job", "transient"),
        policy("none", "transient"),
        policy("db", backoff=SLOW),
        policy("api", depends_on=("job", "none", "db")),
        retries=True,
        fails=["db"],
        ignores=["none"],
    )
    begun(world)
    assert world.exit("job", NORMAL) == ""
    assert world.fire(world.said(m.SetTimer)[0]) == "+db +api"


def test_one_for_all_waits_together_and_starts_together() -> None:
    world = World("a", policy("b", backoff=SLOW), "c", strategy=ALL, retries=True, fails="b")
    assert begun(world) == "+a !b up -a"
    assert world.fire(world.said(m.SetTimer)[0]) == "+a +b +c"


def test_rest_for_one_leaves_those_before_it_alone() -> None:
    world = World("a", policy("b", backoff=SLOW), "c", strategy=REST, retries=True, fails="b")
    assert begun(world) == "+a !b up"
    assert world.fire(world.said(m.SetTimer)[0]) == "+b +c"


def test_a_temporary_member_that_was_not_started_yet_is_started_with_its_group() -> None:
    once = policy("c", "temporary")
    world = World("a", policy("b", backoff=SLOW), once, strategy=ALL, retries=True, fails="b")
    begun(world)
    assert world.fire(world.said(m.SetTimer)[0]) == "+a +b +c"


def test_a_temporary_child_that_does_not_start_is_gone() -> None:
    world = World(policy("a", "temporary"), "b", retries=True, fails="a", reports=True)
    assert begun(world) == "!a (start_error a: start_failed) (forgotten a) +b up"


def test_it_counts_as_a_restart() -> None:
    world = World(policy("a", give_up_after=1), "b", retries=True, fails="aaa")
    assert begun(world) == "!a +b up !a failed a"
    world = World("a", retries=True, fails="aaa", max_restarts=1)
    assert begun(world) == "!a up !a gave up a over"


def test_the_last_failure_may_end_the_tree() -> None:
    child = policy("b", give_up_after=0, exhausted=Exhausted.SHUT_DOWN)
    world = World("a", child, retries=True, fails="b")
    assert begun(world) == "+a !b up failed b no more b -a over"
    assert world.finished is not None
    assert str(world.finished.reason) == (
        "escalated (b, which has no restarts left: start failed (scripted))"
    )


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, DYNAMIC])
def test_an_added_child_that_does_not_start_is_kept_and_waits(strategy: Strategy) -> None:
    world = World(strategy=strategy, retries=True, fails="a").up()
    assert world.add(policy("a", backoff=SLOW)) == 1
    assert world.core.state_of("a") is ChildState.WAITING
    assert world.fire(world.said(m.SetTimer)[0]) == "!a +a"


def test_an_added_child_waits_for_what_it_depends_on() -> None:
    world = World(policy("a", backoff=SLOW), retries=True, fails="a").up()
    assert world.add(policy("b", depends_on=("a",))) == 0
    assert world.fire(world.said(m.SetTimer)[0]) == "b waits for a +a +b"


def test_a_start_by_hand_that_fails_is_followed_by_others() -> None:
    world = World(policy("a", backoff=SLOW), retries=True).up()
    world.ask(m.TerminateChild, "a")
    world.fails = ["a"]
    assert world.ask(m.RestartChild, "a") == 2
    assert world.fire(world.said(m.SetTimer)[0]) == "-a !a +a"


def test_what_is_held_can_be_stopped_started_and_deleted() -> None:
    needy = [policy(name, depends_on=("a",)) for name in "bcd"]
    world = World(policy("a", backoff=SLOW), *needy, retries=True, fails="a").up()
    assert world.ask(m.TerminateChild, "b") is None
    assert world.ask(m.DeleteChild, "c") is None
    assert world.ask(m.RestartChild, "d") == 1  # somebody insists
    world.seen()
    assert world.fire(world.said(m.SetTimer)[0]) == "+a"
    assert world.core.state_of("b") is ChildState.STOPPED


def test_who_waits_for_what_is_deleted_waits_no_more() -> None:
    needed = policy("a", give_up_after=0)
    world = World(needed, policy("b", depends_on=("a",)), retries=True, fails="a").up()
    assert world.states() == "failed held"
    assert world.ask(m.DeleteChild, "a") is None
    assert world.seen() == "+b"


def test_a_stop_ends_those_who_wait_too() -> None:
    needy = policy("b", depends_on=("a",))
    world = World(policy("a", backoff=SLOW), needy, "c", retries=True, fails="a").up()
    world.feed(m.Shutdown(urgent=True))
    assert world.seen() == "-c over"


def test_an_end_in_the_start_phase_waits_for_it_to_be_over() -> None:
    """A sequential supervisor sees to one thing at a time."""
    world = World("a", "b", retries=True, slow="b")
    assert begun(world) == "+a +b"
    assert world.exit("a", NO_START) == ""
    assert world.rise("b") == "up +a"


def test_who_is_called_off_while_it_warms_up_is_in_nobodys_way() -> None:
    world = World("a", "b", retries=True, slow="a")
    assert begun(world) == "+a"
    world.feed(m.ChildWarming("a", 1), m.TerminateChild("a", "token"))
    assert world.seen() == "-a"
    assert world.exit("a", NO_START) == "+b up"


def test_a_retry_does_not_wait_for_who_warms_up() -> None:
    world = World(policy("a", backoff=SLOW), "b", "c", retries=True, fails="a", slow="b")
    assert begun(world) == "!a +b"
    world.feed(m.ChildWarming("b", 1))
    assert world.fire(world.said(m.SetTimer)[0]) == "+a"
    assert world.rise("b") == "+c up"
