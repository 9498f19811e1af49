"""A child that takes its time to get ready holds up those that come after it, and nobody else."""

from __future__ import annotations

from supctl.exits import SHUTDOWN
from supctl.specs import Strategy
from supctl.supervision import messages as m
from tests.supervision.world import World


def warming(*, strategy: Strategy = Strategy.ONE_FOR_ONE) -> World:
    """Return a world of three whose first has crashed, and runs again without being ready."""
    world = World("a", "b", "c", strategy=strategy, slow=["a"])
    world.feed(m.Begin())
    world.rise("a")
    assert world.exit("a").endswith("+a")
    world.feed(m.ChildWarming("a", world.runs["a"]))
    return world


def test_in_the_start_phase_others_wait_for_it() -> None:
    world = World("a", "b", slow=["a"])
    world.feed(m.Begin())
    world.feed(m.ChildWarming("a", world.runs["a"]))
    assert world.seen() == "+a"
    assert world.rise("a") == "+b up"


def test_siblings_are_restarted_meanwhile() -> None:
    assert warming().exit("b") == "+b"


def test_a_start_that_is_not_so_far_yet_holds_them_up() -> None:
    world = World("a", "b", slow=["a"])
    world.feed(m.Begin())
    world.rise("a")
    world.exit("a")
    assert world.exit("b") == ""
    world.feed(m.ChildWarming("a", world.runs["a"]))
    assert world.seen() == "+b"


def test_siblings_are_stopped_and_started_meanwhile() -> None:
    world = warming()
    assert world.ask(lambda token: m.TerminateChild("b", token)) is None
    assert isinstance(world.ask(lambda token: m.RestartChild("b", token)), int)
    assert world.seen() == "-b +b"


def test_it_can_be_called_off() -> None:
    world = warming()
    token = object()
    world.feed(m.TerminateChild("a", token))
    assert world.seen() == "-a"
    assert world.exit("a", SHUTDOWN) == ""
    assert world.answer_to(token) is None


def test_one_that_is_not_ready_in_time_is_tried_again() -> None:
    assert warming().fail("a") == "+a"


def test_a_group_waits_for_it() -> None:
    world = warming(strategy=Strategy.REST_FOR_ONE)
    assert world.rise("a") == "+b +c"
