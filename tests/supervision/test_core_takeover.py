"""What a core makes of what another one has left, whose process was lost."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supctl.exits import SHUTDOWN
from supctl.specs import Strategy
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.history import NEW, ChildState, Standing
from supctl.supervision.window import MOST_AGES
from tests.supervision.world import ALL, CRASH, REST, SLOW, World, policy

Retries = pytest.mark.parametrize("retries", [False, True])


def after(world: World, *children: m.ChildPolicy, away: float = 0.0, **keys: Any) -> World:
    """Return the world of a core that takes over from that of another, which was away so long."""
    names = {child.name: child for child in children}
    policies = [names.get(name, policy(name)) for name in world.names]
    heirs = [
        replace(it, past=world.core.legacy_of(it.name, world.now).aged(away)) for it in policies
    ]
    return World(*heirs, past=world.core.standing(world.now).aged(away), **keys)


def begun(world: World) -> str:
    world.feed(m.Begin())
    return world.seen()


# The intensity.


@pytest.mark.parametrize(("away", "survives"), [(0.5, False), (3.5, True)])
def test_restarts_of_before_count_against_the_intensity(away: float, survives: bool) -> None:
    world = World("a", max_restarts=2, within=5.0).up()
    for _ in range(2):
        world.exit("a")
        world.now += 1.0
    assert world.core.standing(world.now).recent == (2.0, 1.0)
    other = after(world, away=away, max_restarts=2, within=5.0).up()
    assert other.exit("a") == ("+a" if survives else "gave up a over")


def test_they_are_handed_on_over_any_number_of_takeovers() -> None:
    world = World("a", max_restarts=3, within=10.0).up()
    for _ in range(3):
        world.exit("a")
        world = after(world, away=1.0, max_restarts=3, within=10.0).up()
    assert world.core.standing(world.now).recent == (3.0, 2.0, 1.0)
    assert world.exit("a") == "gave up a over"


def test_the_note_is_bounded() -> None:
    world = World("a", max_restarts=10 * MOST_AGES).up()
    for _ in range(MOST_AGES + 5):
        world.exit("a")
    assert len(world.core.standing(world.now).recent) == MOST_AGES


def test_one_that_nothing_was_with_has_nothing_to_hand_over() -> None:
    world = World("a", "b", strategy=ALL)
    assert world.core.standing(0.0) == NEW
    assert world.up().core.standing(0.0) == NEW
    past = Standing((1.0,), "a")
    assert World("a", past=past).core.standing(0.0) == past


# A group that was being restarted.


@Retries
def test_who_was_not_stopped_yet_is_stopped_and_the_group_started(retries: bool) -> None:
    world = World("a", "b", "c", "d", strategy=ALL, slow=["b", "c", "d"])
    for name in ("b", "c", "d"):
        world.feed(*([m.Begin()] if name == "b" else []))
        world.rise(name)
    assert world.exit("a") == "-d"
    assert world.exit("d", SHUTDOWN) == "-c"
    assert world.core.standing(0.0).group_of == "a"
    other = after(world, strategy=ALL, retries=retries)
    # Who lives is taken over by being started, which is in vain for who was asked to stop already.
    assert begun(other) in ("+b +c up -c -b +a +b +c +d", "up +b +c -c -b +a +b +c +d")
    assert other.core.standing(0.0).group_of is None
    assert other.said(m.RestartScheduled) == []  # it was counted before


def test_who_is_not_of_the_group_is_left_alone() -> None:
    world = World("a", "b", "c", strategy=REST, slow=["c"])
    world.feed(m.Begin())
    world.rise("c")
    world.seen()
    assert world.exit("b") == "-c"
    assert begun(after(world, strategy=REST)) == "+a +c -c up +b +c"


@Retries
def test_a_group_that_waits_is_stopped_now_and_started_then(retries: bool) -> None:
    world = World(policy("a", backoff=SLOW), "b", "c", strategy=ALL, slow=["c"])
    world.feed(m.Begin())
    world.rise("c")
    world.seen()
    assert world.exit("a") == "-c"
    other = after(world, policy("a", backoff=SLOW), away=0.125, strategy=ALL, retries=retries)
    assert begun(other) == "up +b +c -c -b"
    (timer,) = other.said(m.SetTimer)
    assert (timer.name, timer.delay, other.core.due_at("c")) == ("a", 0.375, 0.375)
    assert other.fire(timer) == "+a +b +c"


def test_a_back_off_that_was_over_meanwhile_is_not_waited_for() -> None:
    world = World(policy("a", backoff=SLOW), "b", strategy=ALL, slow=["b"])
    world.feed(m.Begin())
    world.rise("b")
    world.exit("a")
    assert begun(after(world, away=9.0, strategy=ALL)) == "up +b -b +a +b"


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_a_group_that_has_stopped_comes_back_if_its_back_off_was_over_meanwhile(
    strategy: Strategy,
) -> None:
    world = World(policy("a", backoff=SLOW), "b", "c", strategy=strategy).up()
    assert world.exit("a") == "-c -b"
    other = after(world, policy("a", backoff=SLOW), away=9.0, strategy=strategy)
    assert begun(other) == "up"
    (timer,) = other.said(m.SetTimer)
    assert timer.delay == 0.0
    assert other.fire(timer) == "+a +b +c"


def test_who_was_not_to_start_by_itself_comes_back_with_its_group_if_it_ran() -> None:
    lazy = [policy("b", autostart=False), policy("c", autostart=False)]
    world = World(policy("a", backoff=SLOW), *lazy, strategy=ALL).up()
    world.ask(m.RestartChild, "b")
    world.seen()
    assert world.exit("a") == "-b"
    other = after(world, policy("a", backoff=SLOW), *lazy, strategy=ALL)
    assert begun(other) == "up"
    assert other.fire(other.said(m.SetTimer)[0]) == "+a +b"


def test_it_is_handed_over_again_while_it_lasts() -> None:
    world = World("a", "b", "c", strategy=ALL, slow=["c"])
    world.feed(m.Begin())
    world.rise("c")
    world.seen()
    for _ in range(3):
        world.exit("a") if _ == 0 else world.feed(m.Begin())
        assert world.core.standing(0.0).group_of == "a"
        assert world.core.legacy_of("a", 0.0).state is ChildState.STARTING
        assert world.core.legacy_of("c", 0.0).state is ChildState.RUNNING
        world = after(world, strategy=ALL, slow=["c"])
    world.feed(m.Begin())
    assert world.exit("c", SHUTDOWN) == "up +b +c -c -b +a +b +c"


def test_one_whose_leader_is_not_there_any_more_runs_on() -> None:
    world = World("a", "b", strategy=ALL, slow=["b"])
    world.feed(m.Begin())
    world.rise("b")
    world.exit("a")
    past = world.core.standing(0.0)
    b = policy("b", past=world.core.legacy_of("b", 0.0))
    assert begun(World(b, strategy=ALL, past=past)) == "+b up"


# Ends that nobody has heard yet.


def test_an_end_that_waited_its_turn_has_its_consequences() -> None:
    world = World(policy("a", backoff=SLOW), "b", "c", strategy=REST, slow=["c"])
    world.feed(m.Begin())
    world.rise("c")
    world.exit("b")
    assert world.exit("a") == ""  # the group of b is being stopped
    legacy = world.core.legacy_of("a", 0.0)
    assert (legacy.state, legacy.unheard) == (ChildState.RUNNING, CRASH)
    other = after(world, policy("a", backoff=SLOW), strategy=REST)
    assert begun(other) == "up +c -c +b +c -c -b"
    assert other.said(m.RestartScheduled)[0].name == "a"
    assert other.fire(other.said(m.SetTimer)[0]) == "+a +b +c"


# Its own end.


def test_an_end_of_its_own_goes_on() -> None:
    world = World("a", "b", "c", max_restarts=0, slow=["b"])
    world.feed(m.Begin())
    world.rise("b")
    world.seen()
    assert world.exit("a") == "gave up a -c -b"
    ending = world.core.standing(0.0).ending
    assert ending is not None
    other = after(world)
    assert begun(other) == "up +b -b over"
    assert other.finished == m.Finished(ending)


def test_one_that_is_stopped_before_it_begins_stops_what_lives() -> None:
    world = World("a", "b", "c").up()
    world.ask(m.TerminateChild, "b")
    other = after(world)
    other.feed(m.Shutdown(urgent=True))
    assert other.seen() == "+a +c -c -a over"


def test_who_is_being_stopped_with_its_supervisor_is_to_be_found_by_the_next() -> None:
    world = World("a", slow=["a"])
    world.feed(m.Begin())
    world.rise("a")
    world.feed(m.Shutdown(urgent=True))
    assert world.core.standing(0.0) == Standing(ending=SHUTDOWN)
    assert world.core.legacy_of("a", 0.0).state is ChildState.RUNNING
    assert begun(after(world)) == "up +a -a over"


def test_who_is_not_known_has_stopped() -> None:
    world = World(policy("a", "temporary")).up()
    assert world.exit("a") == ""
    assert world.core.legacy_of("a", 0.0).state is ChildState.STOPPED


@pytest.mark.parametrize("autostart", [False, True])
def test_one_that_has_not_begun_is_as_it_will_be(autostart: bool) -> None:
    world = World(policy("a", autostart=autostart))
    state = world.core.legacy_of("a", 0.0).state
    assert state is (ChildState.STARTING if autostart else ChildState.STOPPED)


# Who was being stopped.


@Retries
def test_a_stop_that_had_begun_goes_on_and_holds_up_nobody(retries: bool) -> None:
    world = World("a", "b", "c", slow=["b"])
    world.feed(m.Begin())
    world.rise("b")
    world.feed(m.TerminateChild("b", object()))
    assert world.core.legacy_of("b", 0.0).state is ChildState.STOPPING
    other = after(world, retries=retries, slow=["b"])
    assert begun(other) == "+b -b +a +c up"
    assert other.core.legacy_of("b", 0.0).state is ChildState.STOPPING  # for who follows that one
    stop, start = object(), object()
    other.feed(m.TerminateChild("b", stop), m.RestartChild("b", start))
    assert other.ask(m.CountChildren).active == 3
    assert other.exit("c") == "+c"
    assert other.answers_to(stop) == []
    assert other.exit("b", SHUTDOWN) == "+b"
    assert other.answer_to(stop) is None


@Retries
def test_who_was_being_stopped_is_waited_for_when_all_ends(retries: bool) -> None:
    world = World("a", "b", slow=["b"])
    world.feed(m.Begin())
    world.rise("b")
    world.feed(m.TerminateChild("b", object()))
    other = after(world, retries=retries, slow=["b"])
    assert begun(other) == "+b -b +a up"
    other.feed(m.Shutdown(urgent=True))
    assert other.seen() == ""
    assert other.exit("b", SHUTDOWN) == "-a over"


# Whenever it happens.


class Errands:
    """Does what a core says, a bit at a time: what a world leaves to the test for slow children.

    Args:
        world: in which all children are slow.
    """

    def __init__(self, world: World) -> None:
        self.world, self._read = world, 0
        self._open: list[m.Start | m.Stop | m.SetTimer] = []
        self._up: set[str] = set()

    def open(self) -> list[m.Start | m.Stop | m.SetTimer]:
        """Return what is to be done."""
        said = self.world.commands[self._read :]
        self._read += len(said)
        self._open += [it for it in said if isinstance(it, m.Start | m.Stop | m.SetTimer)]
        return self._open

    def do(self, errand: m.Start | m.Stop | m.SetTimer) -> None:
        """Do something of that."""
        self._open.remove(errand)
        match errand:
            case m.Start(name):
                self._up.add(name)
                self.world.rise(name)
            case m.Stop(name) if name in self._up:
                self._up.discard(name)
                self.world.exit(name, SHUTDOWN)
            case m.Stop(name):  # its start was called off
                self._open = [it for it in self._open if it != m.Start(name, errand.run)]
                self.world.exit(name, SHUTDOWN)
            case m.SetTimer():
                self.world.fire(errand)

    def crash(self, name: str) -> None:
        """Let a child that is up end by itself; who was being stopped is stopped then."""
        if name in self._up:
            self._up.discard(name)
            self._open = [it for it in self.open() if it.name != name or isinstance(it, m.SetTimer)]
            self.world.exit(name, CRASH)

    def settle(self) -> None:
        """Do all that is to be done."""
        while errands := self.open():
            self.do(errands[0])


@given(st.randoms(use_true_random=False), st.sampled_from(Strategy), st.booleans())
@settings(max_examples=300, deadline=None)
def test_all_comes_to_where_it_would_have_come(
    chance: Random, strategy: Strategy, retries: bool
) -> None:
    if strategy is Strategy.SIMPLE_ONE_FOR_ONE:
        return  # its children are not in its spec, and so not there for the next one
    names = ["a", "b", "c", "d"]
    children = [policy(it, backoff=chance.choice([NO_BACKOFF, SLOW])) for it in names]
    keys: dict[str, Any] = {"strategy": strategy, "retries": retries, "slow": names}
    world = World(*children, max_restarts=None, **keys)
    errands = Errands(world)
    world.feed(m.Begin())
    for _ in range(chance.randrange(40)):
        if (there := errands.open()) and chance.random() < 0.7:
            errands.do(chance.choice(there))
        else:
            errands.crash(chance.choice(names))
    heir = after(world, *children, max_restarts=None, **keys)
    before = len(world.said(m.RestartScheduled))
    others = Errands(heir)
    heir.feed(m.Begin())
    errands.settle()
    others.settle()
    assert heir.states() == world.states() == "running running running running"
    if strategy is not REST:  # where it matters who of several is heard of first
        assert len(heir.said(m.RestartScheduled)) == len(world.said(m.RestartScheduled)) - before
