"""What a core remembers of restarts, and what it makes of that when it begins anew."""

from __future__ import annotations

from typing import Any

import pytest

from supctl.specs import Backoff, Intensity, Jitter
from supctl.supervision import messages as m
from supctl.supervision.history import NOTHING, History
from tests.supervision.world import ALL, REST, SLOW, World, policy


def timers(world: World) -> list[m.SetTimer]:
    return world.said(m.SetTimer)


def again(world: World, name: str, seconds: float, **keys: Any) -> m.ChildPolicy:
    """Return the policy of a child whose supervising process was away for so many seconds."""
    history = world.core.history_of(name, world.now).aged(seconds)
    return policy(name, past=history, **keys)


def test_who_was_never_restarted_has_none() -> None:
    world = World(policy("a", backoff=SLOW)).up()
    assert world.core.history_of("a", world.now) == NOTHING
    assert world.core.history_of("nobody", world.now) == NOTHING


def test_a_back_off_goes_on_where_it_was() -> None:
    world = World(policy("a", backoff=SLOW)).up()
    for _ in range(2):
        world.exit("a")
        world.fire(timers(world)[-1])
    assert world.core.history_of("a", world.now) == History(streak=2, delay=1.0)
    other = World(again(world, "a", 5.0, backoff=SLOW))
    other.up().exit("a")
    assert timers(other)[-1].delay == 2.0


def test_what_is_left_of_a_back_off_is_waited_for() -> None:
    world = World(policy("a", backoff=SLOW), "b").up()
    world.exit("a")
    world.now += 0.125
    assert world.core.history_of("a", world.now).wait == 0.375
    other = World(again(world, "a", 0.25, backoff=SLOW), "b")
    other.feed(m.Begin())
    assert other.seen() == "+b up"
    assert other.states() == "waiting running"
    (timer,) = timers(other)
    assert (timer.delay, other.core.due_at("a")) == (0.125, 0.125)
    assert other.fire(timer) == "+a"
    assert other.said(m.RestartScheduled) == []  # that it is restarted was said before


def test_one_that_is_over_meanwhile_is_not_waited_for() -> None:
    world = World(policy("a", backoff=SLOW)).up()
    world.exit("a")
    other = World(again(world, "a", 10.0, backoff=SLOW))
    other.feed(m.Begin())
    assert other.seen() == "+a up"


def test_a_stable_run_is_remembered() -> None:
    world = World(policy("a", backoff=SLOW)).up()
    world.exit("a")
    world.fire(timers(world)[-1])
    world.now += 59.0
    assert world.core.history_of("a", world.now).streak == 1
    world.now += 1.0
    assert world.core.history_of("a", world.now).streak == 0


@pytest.mark.parametrize(("away", "survives"), [(5.0, False), (15.0, True)])
def test_a_limit_of_restarts_counts_those_of_before(away: float, survives: bool) -> None:
    limit = Intensity(2, 20.0)
    world = World(policy("a", limit=limit)).up()
    for _ in range(2):
        world.exit("a")
        world.now += 4.0
    assert world.core.history_of("a", world.now).recent == (8.0, 4.0)
    other = World(again(world, "a", away, limit=limit)).up()
    assert other.exit("a") == ("+a" if survives else "failed a")
    if survives:
        assert other.exit("a") == "failed a"


def test_give_up_after_counts_those_of_before() -> None:
    world = World(policy("a", give_up_after=2)).up()
    world.exit("a")
    other = World(again(world, "a", 1.0, give_up_after=2)).up()
    assert (other.exit("a"), other.exit("a")) == ("+a", "failed a")


@pytest.mark.parametrize("retries", [False, True])
def test_a_group_waits_with_its_member(retries: bool) -> None:
    past = History(streak=1, delay=4.0, wait=3.0)
    world = World("a", policy("b", past=past), "c", strategy=ALL, retries=retries)
    world.feed(m.Begin())
    assert world.seen() == "up"
    assert world.fire(timers(world)[0]) == "+a +b +c"


@pytest.mark.parametrize("retries", [False, True])
def test_those_before_it_do_not_wait(retries: bool) -> None:
    past = History(streak=1, delay=4.0, wait=3.0)
    waiting = [policy("b", past=past), policy("c", "temporary"), policy("d", past=past)]
    world = World("a", *waiting, strategy=REST, retries=retries)
    world.feed(m.Begin())
    assert world.seen() == "+a up"
    (timer,) = timers(world)
    assert world.fire(timer) == "+b +c +d"


def test_who_depends_on_it_waits_too() -> None:
    past = History(streak=1, delay=4.0, wait=3.0)
    needy = policy("b", depends_on=("a",))
    world = World(policy("a", past=past), needy, concurrent=True, retries=True)
    world.feed(m.Begin())
    assert world.seen() == "b waits for a up"
    assert world.fire(timers(world)[0]) == "+a +b"


def test_it_may_be_started_before_and_is_forgiven_then() -> None:
    past = History(streak=3, delay=4.0, wait=3.0)
    world = World(policy("a", past=past, backoff=SLOW)).up()
    world.ask(m.RenewChild, "a")
    assert world.seen() == "+a"
    assert world.fire(timers(world)[0]) == ""
    assert world.core.history_of("a", world.now).streak == 0


def test_a_child_that_is_added_has_one_too() -> None:
    world = World().up()
    world.add(policy("a", past=History(streak=3, delay=4.0), backoff=SLOW))
    world.exit("a")
    assert timers(world)[-1].delay == 4.0


def test_forgiving_clears_all_but_a_wait() -> None:
    limit = Intensity(2, 20.0)
    world = World(policy("a", limit=limit, backoff=Backoff(jitter=Jitter.NONE))).up()
    for _ in range(2):
        world.exit("a")
        world.fire(timers(world)[-1])
    world.core.forgive("a")
    world.core.forgive("nobody")
    assert world.core.history_of("a", world.now) == NOTHING
    world.exit("a")
    assert timers(world)[-1].delay == 0.1
    assert world.states() == "waiting"
