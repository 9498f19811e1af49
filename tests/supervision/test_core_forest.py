"""A supervisor whose children are trees of their own: what ends all of one tree ends that one."""

from __future__ import annotations

import pytest

from supctl.exits import ExitKind, ExitReason
from supctl.supervision import messages as m
from supctl.supervision.messages import ChildState

from .world import World, policy

ESCALATED = ExitReason(ExitKind.ESCALATED, detail="web, which is essential: crashed")


def test_a_tree_that_ends_with_all_is_not_started_again_and_the_others_run_on() -> None:
    world = World("a", "b", is_forest=True).up()
    assert world.exit("a", ESCALATED) == ""
    assert world.states() == "stopped running"
    world.ask(m.RestartChild, "a")
    assert world.states() == "running running"


def test_without_a_forest_it_is_the_end_of_all() -> None:
    world = World("a", "b").up()
    assert "over" in world.exit("a", ESCALATED)


@pytest.mark.parametrize("retries", [False, True])
def test_one_that_ends_while_it_starts_is_not_tried_again(retries: bool) -> None:
    world = World("a", is_forest=True, retries=retries).up()
    token = object()
    world.slow.add("new")
    world.feed(m.StartChild(policy("new"), token))
    world.feed(m.ChildNotUp("new", world.runs["new"], ESCALATED))
    assert len(world.answers_to(token)) == 1
    assert world.runs["new"] == 1
    assert world.core.state_of("new") in (ChildState.STOPPED, None)
    assert world.states() == "running"


def test_an_essential_child_of_its_own_does_not_end_it_either() -> None:
    world = World(policy("a", "temporary", essential=True), "b", is_forest=True).up()
    assert world.exit("a") == ""
    assert world.core.state_of("b") is ChildState.RUNNING
