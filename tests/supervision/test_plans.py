"""Plans: children in an order, each awaited, whoever answers first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.errors import InvalidState
from supctl.exits import SHUTDOWN, ExitReason
from supctl.supervision import messages as m
from supctl.supervision.children import ChildRecord
from supctl.supervision.messages import ChildState
from supctl.supervision.plan import Stage, StageKind
from supctl.supervision.plans import Plans
from tests.supervision.world import NO_START, policy

START, STOP = StageKind.START, StageKind.STOP


class Stagehand:
    """Plans over a few children, with what they have said and who is down."""

    def __init__(self) -> None:
        self.said: list[m.Command] = []
        self.down: list[tuple[str, ExitReason | None]] = []
        self.ended: list[str] = []
        self.plans = Plans(self.said.append, lambda child, why: self.down.append((child.name, why)))

    def carry_out(self, *stages: Stage, request: m.Change | None = None) -> None:
        self.plans.carry_out(
            *stages,
            then=lambda: self.ended.append("done"),
            failed=lambda child, reason: self.ended.append(f"{child.name} failed"),
            request=request,
        )

    def begun(self) -> str:
        """Return who has been started and stopped since the last look."""
        told = " ".join(
            ("+" if isinstance(command, m.Start) else "-") + command.name
            for command in self.said
            if isinstance(command, m.Start | m.Stop)
        )
        self.said.clear()
        return told

    def up(self, child: ChildRecord) -> str:
        self.plans.answer(child, m.ChildUp(child.name, child.run), 0.0)
        return self.begun()

    def gone(self, child: ChildRecord) -> str:
        self.plans.answer(child, m.ChildDown(child.name, child.run, SHUTDOWN), 0.0)
        return self.begun()


def children(*names: str, state: ChildState = ChildState.STOPPED) -> list[ChildRecord]:
    return [ChildRecord(policy(name), place, state) for place, name in enumerate(names)]


@st.composite
def dependent_children(draw: st.DrawFn, state: ChildState) -> list[ChildRecord]:
    """Return up to eight children, each of which may depend on any before it, shuffled."""
    made = []
    for number in range(draw(st.integers(0, 8))):
        needed = draw(st.sets(st.sampled_from(range(number)))) if number else set()
        depends_on = tuple(f"c{other}" for other in sorted(needed))
        made.append(ChildRecord(policy(f"c{number}", depends_on=depends_on), number, state))
    return draw(st.permutations(made))


def test_in_turn_each_waits_for_the_one_before() -> None:
    hand, (a, b, c) = Stagehand(), children("a", "b", "c")
    hand.carry_out(Stage.in_turn(START, [a, b, c]))
    assert hand.begun() == "+a"
    assert [hand.up(child) for child in (a, b)] == ["+b", "+c"]
    assert hand.ended == []
    assert hand.up(c) == ""
    assert hand.ended == ["done"]
    assert not hand.plans


@given(dependent_children(ChildState.STOPPED), st.data())
def test_at_once_each_starts_exactly_when_those_it_depends_on_are_up(
    all_of_them: list[ChildRecord], data: st.DataObject
) -> None:
    hand, up = Stagehand(), set[str]()
    hand.carry_out(Stage.at_once(START, all_of_them))
    while starting := [it for it in all_of_them if it.state is ChildState.STARTING]:
        for child in all_of_them:
            free = up.issuperset(child.policy.depends_on)
            assert (child.state is ChildState.STOPPED) is not free
        next_up = data.draw(st.sampled_from(starting))
        hand.up(next_up)
        up.add(next_up.name)
    assert up == {child.name for child in all_of_them}
    assert hand.ended == ["done"]


@given(dependent_children(ChildState.RUNNING), st.data())
def test_at_once_each_stops_exactly_when_those_that_depend_on_it_are_down(
    all_of_them: list[ChildRecord], data: st.DataObject
) -> None:
    hand, down = Stagehand(), set[str]()
    hand.carry_out(Stage.at_once(STOP, all_of_them))
    while stopping := [it for it in all_of_them if it.state is ChildState.STOPPING]:
        for child in all_of_them:
            users = {it.name for it in all_of_them if child.name in it.policy.depends_on}
            assert (child.state is ChildState.RUNNING) is not (users <= down)
        next_down = data.draw(st.sampled_from(stopping))
        hand.gone(next_down)
        down.add(next_down.name)
    assert down == {child.name for child in all_of_them}
    assert hand.ended == ["done"]


def test_dependencies_on_others_than_those_of_the_stage_mean_nothing() -> None:
    hand = Stagehand()
    hand.carry_out(Stage.at_once(START, [ChildRecord(policy("a", depends_on=("x",)), 0)]))
    assert hand.begun() == "+a"


def test_one_stage_comes_after_the_other() -> None:
    hand, (a, b) = Stagehand(), children("a", "b", state=ChildState.RUNNING)
    hand.carry_out(Stage.at_once(STOP, [b, a]), Stage.in_turn(START, [a, b]))
    assert hand.begun() == "-b -a"
    assert hand.gone(a) == ""
    assert hand.gone(b) == "+a"
    assert hand.up(a) == "+b"


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (START, ChildState.RUNNING),
        (STOP, ChildState.STOPPED),
        (STOP, ChildState.WAITING),
        (STOP, ChildState.FAILED),
    ],
)
def test_what_is_so_already_is_passed_over(kind: StageKind, state: ChildState) -> None:
    hand, (a, b) = Stagehand(), children("a", "b", state=state)
    hand.carry_out(Stage.in_turn(kind, [a, b]))
    assert hand.begun() == ""
    assert hand.ended == ["done"]
    wanted = ChildState.STOPPED if state is ChildState.WAITING else state
    assert [a.state, b.state] == [wanted, wanted]
    is_said_to_be_down = kind is STOP and state is not ChildState.FAILED
    assert hand.down == ([("a", None), ("b", None)] if is_said_to_be_down else [])


def test_a_start_that_fails_is_the_end_of_its_plan() -> None:
    hand, (a, b) = Stagehand(), children("a", "b")
    hand.carry_out(Stage.in_turn(START, [a, b]))
    hand.plans.answer(a, m.ChildNotUp("a", a.run, NO_START), 0.0)
    assert hand.ended == ["a failed"]
    assert not hand.plans
    assert b.state is ChildState.STOPPED


def test_a_plan_that_is_dropped_is_answered_and_its_children_can_be_taken_up() -> None:
    hand, (a,) = Stagehand(), children("a")
    hand.carry_out(Stage.in_turn(START, [a]), request=m.RestartChild("a", "token"))
    hand.plans.drop_all(InvalidState("a", "stopping", "another"))
    assert isinstance(hand.said.pop(), m.Reply)
    assert not hand.plans
    hand.begun()
    hand.carry_out(Stage.in_turn(STOP, [a]))
    assert hand.begun() == "-a"
    assert hand.up(a) == ""  # too late
    assert hand.gone(a) == ""
    assert hand.ended == ["done"]
    assert hand.down == [("a", SHUTDOWN)]


def test_it_is_known_who_is_yet_to_be_started() -> None:
    hand = Stagehand()
    a, b = children("a", "b", state=ChildState.RUNNING)
    (c,) = children("c")
    hand.carry_out(Stage.in_turn(STOP, [b, a]), Stage.in_turn(START, [a, b]))
    hand.carry_out(Stage.at_once(START, [c]))
    assert [hand.plans.will_start(child) for child in (a, b, c)] == [True, True, False]
    hand.gone(b)
    hand.gone(a)
    assert [hand.plans.will_start(child) for child in (a, b, c)] == [False, True, False]
    hand.plans.drop_all(InvalidState("/", "stopping", "a supervisor that runs"))
    assert not hand.plans.will_start(b)


def names_of(stage: Stage) -> Sequence[str]:
    return [child.name for child in stage.next_free()]


def test_those_that_are_free_are_begun_in_the_order_given() -> None:
    a, b, c = children("a", "b", "c")
    assert names_of(Stage.at_once(START, [c, a, b])) == ["c", "a", "b"]
    assert names_of(Stage.in_turn(START, [c, a, b])) == ["c"]
