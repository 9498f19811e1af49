"""What a child can do in which state: every pair is decided, or said to be a bug of the shell."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest

from supctl.exits import SHUTDOWN
from supctl.supervision import messages as m
from supctl.supervision.messages import ChildState as S
from supctl.supervision.plans import Impossible
from tests.supervision.world import ALL, NO_START, SLOW, World, policy

Answer = type[m.ChildUp | m.ChildNotUp | m.ChildIgnored | m.ChildDown]
ANSWERS: Final[tuple[Answer, ...]] = (m.ChildUp, m.ChildNotUp, m.ChildIgnored, m.ChildDown)

DECIDED: Final[dict[tuple[S, Answer], str]] = {
    # What the state is then.
    (S.STARTING, m.ChildUp): "running",
    (S.STARTING, m.ChildNotUp): "stopped",  # of a request; a restart is tried again
    (S.STARTING, m.ChildIgnored): "stopped",
    (S.RUNNING, m.ChildDown): "starting",  # again
    (S.STOPPING, m.ChildUp): "stopping",  # it was called off while it started; its end is to come
    (S.STOPPING, m.ChildNotUp): "stopped",
    (S.STOPPING, m.ChildIgnored): "stopped",
    (S.STOPPING, m.ChildDown): "stopped",
}
"""What a child says of its process in a state in which it can; with IMPOSSIBLE, all pairs."""

IMPOSSIBLE: Final = {
    (S.STARTING, m.ChildDown),  # it has not been up
    *product([S.RUNNING], (m.ChildUp, m.ChildNotUp, m.ChildIgnored)),
    *product([S.STOPPED, S.WAITING, S.FAILED, S.HELD], ANSWERS),  # it has no process
}


def child_in(state: S) -> World:
    """Return a world with a permanent child ``a`` in a state; the test answers for it."""
    match state:
        case S.WAITING:
            world = World(policy("a", backoff=SLOW)).up()
            world.exit("a")
        case S.FAILED:
            world = World(policy("a", give_up_after=0)).up()
            world.exit("a")
        case S.HELD:
            needy = policy("a", depends_on=("b",))
            world = World(policy("b", backoff=SLOW), needy, retries=True, fails="b").up()
            world.runs["a"] = 0
        case _:
            world = World("a").up()
    if state in (S.STOPPED, S.STARTING):
        world.ask(m.TerminateChild, "a")
    world.slow = {"a"}
    if state is S.STARTING:
        world.feed(m.RestartChild("a", "token"))
    elif state is S.STOPPING:
        world.feed(m.TerminateChild("a", "token"))
    assert world.core.state_of("a") is state
    return world


def answer(kind: Answer, run: int) -> m.Event:
    if kind is m.ChildUp or kind is m.ChildIgnored:
        return kind("a", run)
    if kind is m.ChildNotUp:
        return m.ChildNotUp("a", run, NO_START)
    return m.ChildDown("a", run, SHUTDOWN)


def test_every_pair_is_decided_or_impossible() -> None:
    assert DECIDED.keys().isdisjoint(IMPOSSIBLE)
    assert DECIDED.keys() | IMPOSSIBLE == set(product(S, ANSWERS))


@pytest.mark.parametrize(("pair", "then"), DECIDED.items())
def test_what_is_decided(pair: tuple[S, Answer], then: str) -> None:
    state, kind = pair
    world = child_in(state)
    world.feed(answer(kind, world.runs["a"]))
    assert str(world.core.state_of("a")) == then


@pytest.mark.parametrize(("state", "kind"), sorted(IMPOSSIBLE, key=str))
def test_what_is_impossible(state: S, kind: Answer) -> None:
    world = child_in(state)
    with pytest.raises(Impossible, match="a"):
        world.core.handle(answer(kind, world.runs["a"]), world.now)
    assert world.core.state_of("a") is state


@pytest.mark.parametrize(("state", "kind"), list(product(S, ANSWERS)))
def test_of_another_life_all_is_impossible(state: S, kind: Answer) -> None:
    world = child_in(state)
    with pytest.raises(Impossible, match="present life"):
        world.core.handle(answer(kind, world.runs["a"] + 1), world.now)


@pytest.mark.parametrize("kind", ANSWERS)
def test_of_a_stranger_all_is_impossible(kind: Answer) -> None:
    with pytest.raises(Impossible, match="present life"):
        World("b").up().core.handle(answer(kind, 1), 0.0)


def test_a_child_ends_once() -> None:
    """Its end waits for its turn behind the restart of another; a second one cannot come."""
    world = World("a", "b").up()
    world.slow = {"b"}
    world.exit("b")
    world.exit("a")
    assert world.core.state_of("a") is S.RUNNING
    with pytest.raises(Impossible):
        world.exit("a")


def test_a_supervisor_begins_once() -> None:
    with pytest.raises(Impossible, match="begins once"):
        World("a").up().feed(m.Begin())


# Timers are never taken back: in every state one can fire, and it means something in one.


@pytest.mark.parametrize("state", S)
def test_a_timer_means_something_to_who_waits_for_it(state: S) -> None:
    world = child_in(state)
    timers = world.said(m.SetTimer)
    token = timers[-1].token if timers else 1
    world.seen()
    world.feed(m.TimerFired("a", token))
    assert world.seen() == ("+a" if state is S.WAITING else "")
    assert timers == world.said(m.SetTimer)


@pytest.mark.parametrize("state", S)
def test_a_timer_of_another_token_means_nothing(state: S) -> None:
    world = child_in(state)
    world.seen()
    world.feed(m.TimerFired("a", 99), m.TimerFired("x", 1))
    assert world.seen() == ""
    assert world.core.state_of("a") is state


# A retry waits its turn, and in that time anything may become of its child. It never finds it
# starting or stopping: what is about the child waits for the plan that does that.


@pytest.mark.parametrize(
    ("meanwhile", "state", "restarts"),
    [
        ([], S.RUNNING, 2),  # the crash is counted, and the retry
        ([m.TerminateChild("a", 1)], S.STOPPED, 1),
        ([m.TerminateChild("a", 1), m.RestartChild("a", 2)], S.RUNNING, 1),
        ([m.TerminateChild("a", 1), m.DeleteChild("a", 2)], None, 1),
    ],
)
def test_a_retry_acts_if_its_child_still_waits(
    meanwhile: list[m.Event], state: S | None, restarts: int
) -> None:
    world = World("a", "b").up()
    world.slow = {"a"}
    world.exit("a")
    world.feed(*meanwhile)
    world.slow.clear()
    world.fail("a")
    assert world.core.state_of("a") is state
    assert len(world.said(m.RestartScheduled)) == restarts


@pytest.mark.parametrize(
    ("child", "state", "restarts"),
    [
        (policy("a"), S.STARTING, 1),
        (policy("a", give_up_after=0), S.FAILED, 0),
        (policy("a", backoff=SLOW), S.WAITING, 1),
    ],
)
def test_of_two_retries_the_first_acts(child: m.ChildPolicy, state: S, restarts: int) -> None:
    world = World("b", child, "c", strategy=ALL, max_restarts=None).up()
    world.slow = {"a"}
    world.exit("c")
    world.exit("a", SHUTDOWN)
    world.exit("b")  # its turn comes before that of the retry
    world.fail("a")
    world.fail("a")
    assert world.core.state_of("a") is state
    assert [it.name for it in world.said(m.RestartScheduled)] == ["c", "b", *["a"] * restarts]
