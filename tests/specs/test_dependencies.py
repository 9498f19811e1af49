"""``depends_on``: who starts before whom, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl import App, Supervisor, Worker
from supctl.errors import InvalidConfig
from supctl.specs import ChildSpec
from supctl.specs.dependencies import check_dependencies, start_order

DEEP = 10_000


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Return dependencies without a circle, the names in any order."""
    names = [f"n{number}" for number in range(draw(st.integers(0, 12)))]
    graph = {}
    for place, name in enumerate(names):
        before = st.sampled_from(names[:place]) if place else st.nothing()
        graph[name] = draw(st.lists(before, unique=True))
    return {name: graph[name] for name in draw(st.permutations(names))}


def naive_order(graph: dict[str, list[str]]) -> list[str]:
    """Take, again and again, the first in the order given that needs nobody who is left (Kahn)."""
    left, order = list(graph), list[str]()
    while left:
        first = next(name for name in left if not set(graph[name]).intersection(left))
        left.remove(first)
        order.append(first)
    return order


def refusal(graph: dict[str, list[str]], temporary: tuple[str, ...] = ()) -> InvalidConfig:
    types = {name: "temporary" if name in temporary else "permanent" for name in graph}
    with pytest.raises(InvalidConfig) as caught:
        check_dependencies(
            {name: app(name, *needed, restart=types[name]) for name, needed in graph.items()}
        )
    return caught.value


@given(graphs())
def test_each_comes_after_those_it_depends_on(graph: dict[str, list[str]]) -> None:
    order = start_order(graph)
    assert sorted(order) == sorted(graph)
    for name, needed in graph.items():
        assert all(order.index(other) < order.index(name) for other in needed)


@given(graphs())
def test_else_they_stay_in_the_order_given(graph: dict[str, list[str]]) -> None:
    assert start_order(graph) == naive_order(graph)


def test_without_dependencies_nothing_is_moved() -> None:
    assert start_order({"z": (), "a": (), "m": ()}) == ["z", "a", "m"]


def test_only_who_must_wait_is_moved() -> None:
    order = start_order({"web": ("api",), "api": ("db",), "cron": (), "db": ()})
    assert order == ["cron", "db", "api", "web"]


# Circles.


@pytest.mark.parametrize(
    ("graph", "members"),
    [
        ({"a": ["a"]}, "a"),
        ({"a": ["b"], "b": ["a"]}, "ab"),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, "abc"),
    ],
)
def test_a_circle_is_refused_and_shown(graph: dict[str, list[str]], members: str) -> None:
    """Each of those in the message depends on the one after it."""
    error = refusal(graph)
    shown = str(error.got).split(" -> ")
    assert shown[0] == shown[-1]
    assert error.field == f"children.{shown[0]}.depends_on"
    assert all(needed in graph[name] for name, needed in pairwise(shown))
    assert set(shown) == set(members)
    assert "no circle" in str(error)


@given(graphs().filter(lambda graph: any(graph.values())), st.data())
def test_any_circle_is_found(graph: dict[str, list[str]], data: st.DataObject) -> None:
    user = data.draw(st.sampled_from([name for name in graph if graph[name]]))
    needed = data.draw(st.sampled_from(graph[user]))
    error = refusal({**graph, needed: [*graph[needed], user]})
    shown = str(error.got).split(" -> ")
    assert {user, needed} <= set(shown)


# Strangers and temporaries.


def test_a_stranger_is_refused_and_the_siblings_are_named() -> None:
    error = refusal({"api": ["dbb"], "db": [], "cache": []})
    assert str(error) == (
        "children.api.depends_on is 'dbb'; "
        "wanted names of other children of the same supervisor (cache, db)"
    )
    assert "(no other)" in str(refusal({"only": ["x"]}))


def test_a_temporary_child_that_others_depend_on_is_refused() -> None:
    error = refusal({"job": [], "api": ["job"]}, temporary=("job",))
    assert (error.field, error.got) == ("children.api.depends_on", "job")
    assert error.wanted == "children that are not temporary"


def test_a_temporary_child_may_depend_on_others() -> None:
    check_dependencies({"db": app("db"), "job": app("job", "db", restart="temporary")})
    check_dependencies({"db": app("db", restart="transient"), "api": app("api", "db")})


# Ends.


def awaits(name: str, condition: str, needed: ChildSpec) -> None:
    check_dependencies({"api": App("api", ["x"], depends_on={name: condition}), name: needed})


@pytest.mark.parametrize("condition", ["completed", "ended"])
@pytest.mark.parametrize("options", [{"restart": "transient"}, {"restart": "temporary"}])
def test_what_may_end_can_be_waited_for(condition: str, options: dict[str, Any]) -> None:
    awaits("job", condition, App("job", ["x"], **options))
    awaits("job", condition, Worker("job", "m:C", **options))


def test_what_says_itself_that_it_has_finished_can_be_waited_for() -> None:
    awaits("job", "completed", App("job", ["x"], stop_exit_codes=[0]))


@pytest.mark.parametrize("condition", ["completed", "ended"])
@pytest.mark.parametrize("restart", ["permanent", "unless-stopped"])
def test_what_is_always_restarted_never_ends(condition: str, restart: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        awaits("job", condition, App("job", ["x"], restart=restart))
    assert str(caught.value) == (
        f'children.api.depends_on.job is {condition!r}; wanted "up", as job is restarted whenever '
        'it ends (or give it restart = "transient" (on-failure) or "temporary" (never))'
    )


def test_a_supervisor_ends_without_success_and_without_failure() -> None:
    group = Supervisor("group", [app("inner")], restart="transient")
    awaits("group", "ended", group)
    with pytest.raises(InvalidConfig) as caught:
        awaits("group", "completed", group)
    assert "neither success nor failure" in caught.value.wanted


def test_a_condition_is_one_of_three_words() -> None:
    with pytest.raises(InvalidConfig) as caught:
        App("api", ["x"], depends_on={"db": "healthy"})
    assert str(caught.value) == ("depends_on.db is 'healthy'; wanted one of up, completed, ended")


def test_ends_go_round_in_no_circle_either() -> None:
    job = App("job", ["x"], restart="transient", depends_on={"api": "up"})
    with pytest.raises(InvalidConfig) as caught:
        awaits("job", "completed", job)
    assert "no circle" in caught.value.wanted


# Depth: nothing recurses.


def test_a_chain_of_ten_thousand() -> None:
    graph = {f"n{number}": [f"n{number + 1}"] for number in range(DEEP - 1)}
    graph[f"n{DEEP - 1}"] = []
    assert start_order(graph) == list(graph)[::-1]


def test_a_circle_of_ten_thousand() -> None:
    graph = {f"n{number}": [f"n{(number + 1) % DEEP}"] for number in range(DEEP)}
    assert str(refusal(graph).got).count(" -> ") == DEEP


def test_one_that_ten_thousand_depend_on() -> None:
    graph = {f"n{number}": ["hub"] for number in range(DEEP)}
    assert start_order({**graph, "hub": []}) == ["hub", *graph]


# In specs.


def app(name: str, *depends_on: str, restart: str = "permanent") -> App:
    return App(name, ["x"], depends_on=depends_on, restart=restart)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Supervisor("s", [app("a", "b"), app("b", "a")]),
        lambda: Supervisor("s", [app("a", "x"), app("b")]),
        lambda: Supervisor("s", [app("a", "b"), app("b", restart="temporary")]),
        lambda: Supervisor("s", [Supervisor("t", [app("b")]), app("a", "b")]),  # no sibling
        lambda: Supervisor("s", lambda: [app("a", "a")]).make_children(),
    ],
)
def test_a_supervisor_is_not_made_with_dependencies_that_cannot_be_kept(
    make: Callable[[], object],
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        make()
    assert caught.value.field == "children.a.depends_on"


def test_all_kinds_of_children_depend_on_each_other() -> None:
    made = Supervisor(
        "s",
        [
            Worker("w", "m:C", depends_on=["t"]),
            Supervisor("t", [app("inner")], depends_on=["db"]),
            app("db"),
        ],
        start="concurrent",
    )
    assert [[*child.depends_on] for child in made.children] == [["t"], ["db"], []]


def test_a_name_said_twice_counts_once_and_a_string_is_no_list_of_names() -> None:
    assert app("a", "b", "c", "b").depends_on == {"b": "up", "c": "up"}
    with pytest.raises(InvalidConfig) as caught:
        App("a", ["x"], depends_on="db")
    assert str(caught.value) == "depends_on is 'db'; wanted a list of names, such as ['db']"
