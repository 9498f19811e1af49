"""What supervisors refuse when they are made, and what the two special kinds make of a template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

import supctl
from supctl import App, Backoff, DynamicSupervisor, PartitionSupervisor, Supervisor, Worker
from supctl.errors import InvalidConfig
from supctl.specs import AutoShutdown, ChildSpec, Intensity, Start, StartRate, Strategy


def app(name: str = "a", **keys: Any) -> App:
    return App(name, ["serve", "--port"], **keys)


def supervisor(*children: Any, **keys: Any) -> Callable[[], object]:
    return lambda: Supervisor("s", children, **keys)


def dynamic(template: Any = None, **keys: Any) -> Callable[[], object]:
    return lambda: DynamicSupervisor("s", template or app(), **keys)


def partitioned(template: Any = None, partitions: int = 2, **keys: Any) -> Callable[[], object]:
    return lambda: PartitionSupervisor("s", template or app(), partitions=partitions, **keys)


def survivor(**keys: Any) -> Worker:
    return Worker("a", "m:C", isolation="process", on_daemon_loss="survive", **keys)


SIGNIFICANT = app(significant=True, restart="transient")
CIRCLE = [app("a", depends_on=["b"]), app("b", depends_on=["a"])]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (supervisor(strategy="all"), "strategy"),
        (supervisor(strategy="simple_one_for_one"), "strategy"),
        (supervisor(max_restarts=-1), "max_restarts"),
        (supervisor(max_restarts=1.5), "max_restarts"),
        (supervisor(max_restarts=True), "max_restarts"),
        (supervisor(max_restarts="1"), "max_restarts"),
        (supervisor(within=0), "within"),
        (supervisor(within="5"), "within"),
        (lambda: Supervisor("s", 5), "children"),  # type: ignore[arg-type]
        (lambda: Supervisor("s", "web"), "children"),  # type: ignore[arg-type]
        (supervisor(give_up_after=2.0), "give_up_after"),
        (dynamic(children=[app()]), "children"),
        (supervisor(within=float("nan")), "within"),
        (supervisor(auto_shutdown="sometimes"), "auto_shutdown"),
        (supervisor(start="random"), "start"),
        (supervisor(strategy="one_for_all", start="concurrent"), "start"),
        (supervisor(strategy="rest_for_one", start="concurrent"), "start"),
        (supervisor(restart="sometimes"), "restart"),
        (supervisor(give_up_after=-1), "give_up_after"),
        (supervisor(significant=True), "significant"),
        (supervisor(depends_on="db"), "depends_on"),
        (lambda: Supervisor("a b"), "name"),
        (supervisor("a"), "children"),
        (supervisor(app(), app()), "children"),
        (supervisor(SIGNIFICANT), "children.a.significant"),
        (supervisor(*CIRCLE), "children.a.depends_on"),
        (supervisor(app(depends_on=["x"])), "children.a.depends_on"),
        (
            supervisor(app(depends_on=["job"]), app("job", restart="temporary")),
            "children.a.depends_on",
        ),
        (supervisor(survivor(), isolation="process"), "children.a.on_daemon_loss"),
        (
            supervisor(Supervisor("b", [survivor()]), isolation="process"),
            "children.b.a.on_daemon_loss",
        ),
        (dynamic(survivor(), isolation="process"), "children.a.on_daemon_loss"),
        (dynamic("a"), "children"),
        (dynamic(Supervisor("t")), "template"),
        (dynamic(app(depends_on=["x"])), "template.depends_on"),
        (dynamic(app(instances=2)), "template.instances"),
        (dynamic(SIGNIFICANT), "children.a.significant"),
        (dynamic(max_restarts=-1), "max_restarts"),
        (partitioned(partitions=0), "partitions"),
        (partitioned(partitions=10_001), "partitions"),
        (partitioned(app(depends_on=["x"])), "children.1.depends_on"),
        (partitioned(SIGNIFICANT), "children.1.significant"),
        (partitioned(strategy="simple_one_for_one"), "strategy"),
        (partitioned(strategy="one_for_all", start="concurrent"), "start"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_when_it_is_made(
    make: Callable[[], object], field: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        make()
    assert caught.value.field == field
    assert "wanted" in str(caught.value)


def test_what_it_says() -> None:
    with pytest.raises(InvalidConfig, match="for this one make a DynamicSupervisor"):
        Supervisor("s", strategy="simple_one_for_one")
    with pytest.raises(InvalidConfig, match="'a'; wanted names that differ"):
        Supervisor("s", [app(), app()])
    with pytest.raises(InvalidConfig, match="auto_shutdown is 'never'"):
        Supervisor("s", [SIGNIFICANT])


def test_the_defaults_are_those_of_otp() -> None:  # OTP-SPEC-01
    made = Supervisor("s")
    assert made.strategy is Strategy.ONE_FOR_ONE
    assert made.intensity == Intensity(1, 5.0)
    assert made.auto_shutdown is AutoShutdown.NEVER
    assert made.start is Start.SEQUENTIAL
    assert made.start_rate is None
    assert made.restart == "permanent"
    assert made.backoff == Backoff()  # of ours
    assert not made.significant


@pytest.mark.parametrize("auto_shutdown", ["any_significant", "all_significant"])
def test_significant_children_are_taken_where_somebody_minds(auto_shutdown: str) -> None:
    made = Supervisor("s", [SIGNIFICANT], auto_shutdown=auto_shutdown)
    assert made.children == (SIGNIFICANT,)


def test_supervisors_are_values() -> None:
    def make(value: str = "1") -> Supervisor:
        rate = StartRate(5, 1.0)
        return Supervisor("s", [app(env={"A": value}), Worker("w", "m:C")], start_rate=rate)

    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != make("2")
    with pytest.raises(AttributeError):
        make().name = "t"  # type: ignore[misc]


# Children that are made at every start.


def test_a_factory_is_asked_every_time() -> None:
    made: list[Sequence[ChildSpec]] = []

    def factory() -> Sequence[ChildSpec]:
        made.append([app(f"a{len(made)}")])
        return made[-1]

    spec = Supervisor("s", factory)
    assert spec.children == ()
    assert spec.make_children() == (app("a0"),)
    assert spec.make_children() == (app("a1"),)


def test_a_factory_may_find_that_nothing_is_needed() -> None:
    assert Supervisor("s", lambda: supctl.IGNORE).make_children() is supctl.IGNORE


@pytest.mark.parametrize(
    ("made", "field"),
    [
        ([app(), app()], "children"),
        (CIRCLE, "children.a.depends_on"),
        ([SIGNIFICANT], "children.a.significant"),
    ],
)
def test_what_a_factory_makes_is_checked_as_a_list_is(made: list[App], field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        Supervisor("s", lambda: made).make_children()
    assert caught.value.field == field


def test_without_a_factory_the_children_are_always_the_same() -> None:
    spec = Supervisor("s", [app()])
    assert spec.make_children() is spec.children


# DynamicSupervisor


def test_a_dynamic_supervisor_begins_with_nobody() -> None:
    spec = DynamicSupervisor("s", app(), max_restarts=7, within=2.0)
    assert spec.strategy is Strategy.SIMPLE_ONE_FOR_ONE
    assert spec.children == ()
    assert spec.intensity == Intensity(7, 2.0)
    assert isinstance(spec, Supervisor)


def test_words_are_added_to_the_command_of_an_app() -> None:
    template = app(restart="transient", give_up_after=3, env={"A": "1"})
    made = DynamicSupervisor("s", template).make("n1", [8080, "--fast"], {})
    assert isinstance(made, App)
    assert made.command == ("serve", "--port", "8080", "--fast")
    assert made == App("n1", made.command, restart="transient", give_up_after=3, env={"A": "1"})


def test_arguments_are_added_to_those_of_a_worker() -> None:
    template = Worker("w", "m:C", 1, kwargs={"a": 1, "b": 2}, grace=0.5)
    made = DynamicSupervisor("s", template).make("n1", [2], {"b": 3, "c": 4})
    assert made == Worker("n1", "m:C", 1, 2, kwargs={"a": 1, "b": 3, "c": 4}, grace=0.5)


def test_the_template_stays_as_it_is() -> None:
    template, kwargs = Worker("w", "m:C", 1, kwargs={"a": 1}), {"b": 2}
    spec = DynamicSupervisor("s", template)
    one, other = spec.make("n1", [2], kwargs), spec.make("n2", [], {})
    assert template == Worker("w", "m:C", 1, kwargs={"a": 1})
    assert kwargs == {"b": 2}
    assert one != other
    assert other == Worker("n2", "m:C", 1, kwargs={"a": 1})


@pytest.mark.parametrize(
    ("name", "kwargs", "field"), [("a/b", {}, "name"), ("n", {"x": 1}, "kwargs")]
)
def test_an_instance_that_cannot_be_is_refused(
    name: str, kwargs: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        DynamicSupervisor("s", app()).make(name, [], kwargs)
    assert caught.value.field == field


# PartitionSupervisor


@pytest.mark.parametrize(
    "template", [app(), Worker("w", "m:C", 1), Supervisor("t", [app()], strategy="rest_for_one")]
)
def test_partitions_are_copies_under_numbers(template: ChildSpec) -> None:
    spec = PartitionSupervisor("s", template, partitions=3, max_restarts=9)
    assert spec.partitions == 3
    assert spec.intensity.max_restarts == 9
    assert [child.name for child in spec.children] == ["1", "2", "3"]
    for child in spec.children:
        assert type(child) is type(template)
        fields = [field for field in template.__dataclass_fields__ if field != "name"]
        assert all(getattr(child, field) == getattr(template, field) for field in fields)
    assert template.name not in ("1", "2", "3")


def test_partitions_are_compared_as_what_they_are() -> None:
    assert PartitionSupervisor("s", app(), partitions=2) == PartitionSupervisor(
        "s", app("other"), partitions=2
    )
    assert PartitionSupervisor("s", app(), partitions=2) != Supervisor("s", [app("1"), app("2")])
