"""A supervisor that runs goes by other flags and policies (OTP-UPG-01 to 05)."""

from __future__ import annotations

from supctl.exits import NORMAL
from supctl.specs import AutoShutdown, Intensity, Strategy
from supctl.supervision import messages as m
from supctl.supervision.flags import Flags
from tests.supervision.world import World, policy


def limited(name: str, most: int) -> m.ChildPolicy:
    return policy(name, limit=Intensity(most, 60.0))


def test_nothing_is_started_or_stopped_and_what_is_missing_stays_behind() -> None:
    world = World("a", "b", "c").up()
    world.core.respecify(Flags(), [policy("c"), policy("new"), policy("a")])
    assert world.seen() == ""
    world.feed(m.WhichChildren("which"))
    (reply,) = world.said(m.Reply)
    assert [name for name, _ in reply.result[::-1]] == ["c", "new", "a", "b"]
    assert world.core.state_of("new") is m.ChildState.STOPPED


def test_the_restarts_so_far_count_against_another_limit_of_a_child() -> None:
    for most, failed in ((3, False), (2, True)):
        world = World(limited("a", 5)).up()
        world.exit("a")
        world.exit("a")
        world.core.respecify(Flags(intensity=Intensity(10, 5.0)), [limited("a", most)])
        world.exit("a")
        assert (world.core.state_of("a") is m.ChildState.FAILED) is failed


def test_the_restarts_so_far_count_against_another_intensity() -> None:
    world = World("a", "b", max_restarts=5).up()
    world.exit("a")
    world.core.respecify(Flags(intensity=Intensity(1, 5.0)), [policy("a"), policy("b")])
    world.exit("a")
    assert world.said(m.GaveUp)


def test_another_strategy_holds_from_the_next_end() -> None:
    world = World("a", "b", "c").up()
    flags = Flags(Strategy.REST_FOR_ONE, Intensity(10, 5.0))
    world.core.respecify(flags, [policy("a"), policy("b"), policy("c")])
    assert world.exit("b") == "-c +b +c"


def test_another_auto_shutdown_holds_from_the_next_end() -> None:
    child = policy("a", "transient", significant=True)
    world = World(child, "b", auto_shutdown="any_significant").up()
    world.core.respecify(Flags(auto_shutdown=AutoShutdown.NEVER), [child, policy("b")])
    world.exit("a", NORMAL)
    assert world.said(m.Finished) == []
