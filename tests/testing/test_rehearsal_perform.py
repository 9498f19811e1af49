"""Whole rehearsals: what befalls a tree, and the same again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from supctl import (
    IGNORE,
    Actor,
    App,
    Backoff,
    Health,
    Notify,
    Output,
    Ready,
    Stop,
    Supervisor,
    Tcp,
    Watchdog,
    Worker,
)
from supctl import events as ev
from supctl.actors.services import Services
from supctl.backends.machine import Machine, WallClock
from supctl.backends.simulated import Program, SimulatedBackend
from supctl.errors import InvalidConfig
from supctl.exits import ExitKind
from supctl.specs import ChildSpec, DynamicSupervisor, PartitionSupervisor, Probe
from supctl.supervision.eventlog import EventLog
from supctl.supervision.opening import running
from supctl.supervision.tree import Tree
from supctl.supervision.world import World
from supctl.testing.rehearsal import Report, parse_faults, perform, rehearse
from supctl.testing.rehearsal.cast import Cast
from supctl.testing.rehearsal.verdict import verdict

ROUGH = parse_faults(["crash=1/h,hang=1/h,slow-start=.2/h,spawn-failure=1/week"])
CALM = parse_faults(["crash=0"])


def apps(*names: str, **keys: Any) -> list[App]:
    return [App(name, ["true"], **keys) for name in names]


def tree(*children: ChildSpec, **keys: Any) -> Supervisor:
    return Supervisor("shop", children, **{"max_restarts": None} | keys)


def varied(strategy: str, start: str = "sequential") -> Supervisor:
    """A tree in which much happens in the same instant."""
    no_jitter = Backoff(initial=0.5, jitter="none")  # type: ignore[arg-type]
    return tree(
        *apps("db", "cache", stop=Stop(grace=1.0)),
        Supervisor("web", apps("api", instances=3, backoff=no_jitter), strategy=strategy),
        Supervisor("back", [*apps("a", "b", "c"), Supervisor("none")], start=start),
        Worker("mailer", "shop:Mailer", depends_on=["db"]),
        *apps("job", restart="transient"),
    )


def events_of(monkeypatch: pytest.MonkeyPatch, spec: Supervisor, seed: int) -> list[str]:
    """Return all events of a rehearsal as text, in order."""
    seen: list[str] = []

    def log(clock: Any, handler: Any) -> EventLog:
        def hear(event: ev.Event) -> None:
            seen.append(json.dumps(event.as_dict()))
            handler(event)

        return EventLog(clock, hear)

    monkeypatch.setattr(perform, "EventLog", log)
    rehearse(spec, hours=12.0, seed=seed, faults=ROUGH)
    return seen


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_seed_gives_one_trace_of_events(
    monkeypatch: pytest.MonkeyPatch, strategy: str, seed: int
) -> None:
    start = "concurrent" if seed == 3 else "sequential"
    first = events_of(monkeypatch, varied(strategy, start), seed)
    assert len(first) > 300
    assert events_of(monkeypatch, varied(strategy, start), seed) == first
    assert events_of(monkeypatch, varied(strategy, start), seed + 10) != first


def test_a_new_app_changes_nothing_for_the_others_but_the_jitter() -> None:
    plan = parse_faults(["crash=1/day,hang"])
    without, beside = (
        rehearse(tree(*apps(*names, backoff=Backoff(initial=0))), faults=plan, hours=500)
        for names in (["a", "b"], ["a", "new", "b"])
    )
    for one, same in zip(without.apps, (beside.apps[0], beside.apps[2]), strict=True):
        # Sums of seconds are as exact as floats are; one event more on the way rounds otherwise.
        assert [it.since for it in one.outages] == pytest.approx([it.since for it in same.outages])
        assert one.availability == pytest.approx(same.availability)
        assert one.restarts == same.restarts > 0


def test_without_faults_nothing_happens() -> None:
    report = rehearse(varied("one_for_all"), hours=1000, faults=CALM)
    assert {app.availability for app in report.apps} == {1.0}
    assert all(not app.outages and not app.restarts for app in report.apps)
    assert report.is_good
    assert [app.address for app in report.apps if app.is_at_rest] == ["/job"]


def test_every_kind_of_child_has_a_stand_in() -> None:
    made: list[str] = []

    def factory() -> list[ChildSpec]:
        made.append("again")
        return [App("late", ["x"]), Supervisor("unneeded", lambda: IGNORE)]

    class Never(Actor):
        async def init(self) -> None:
            raise AssertionError("no actor runs in a rehearsal")

    spec = tree(
        App("api", ["/no/such/program"], cwd="/nowhere", instances=2),
        Worker("mailer", Never, depends_on=["api"]),
        PartitionSupervisor("parts", Worker("part", Never), partitions=2),
        DynamicSupervisor("guests", App("guest", ["x"])),
        Supervisor("made", factory),
    )
    report = rehearse(spec, hours=10, faults=CALM)
    told = ["/api:1", "/api:2", "/mailer", "/parts/1", "/parts/2", "/made/late"]
    assert [app.address for app in report.apps] == told
    assert report.is_good
    assert made == ["again"]


def test_stand_ins_keep_policies_and_the_tree_is_left_alone() -> None:
    spec = tree(
        *apps("db", instances=2),
        Worker("w", "a:B", grace=3.0, restart="transient", give_up_after=4, depends_on=["db"]),
    )
    staged = Cast(lambda address, child: Program()).stage(spec)
    worker = staged.children[-1]
    assert isinstance(worker, App)
    assert (worker.stop.grace, worker.restart, worker.give_up_after) == (3.0, "transient", 4)
    assert worker.depends_on == {"db:1": "up", "db:2": "up"}
    assert [child.name for child in spec.children] == ["db", "w"]


def test_a_root_that_gives_up_ends_the_rehearsal() -> None:
    spec = Supervisor("t", apps("a"), max_restarts=0)
    report = rehearse(spec, faults=parse_faults(["crash=1/day"]))
    assert report.gave_up is not None
    assert (report.gave_up.child, report.gave_up.at) == ("/a", report.ended_at)
    assert report.ended_at < report.asked
    assert not report.is_good


def test_a_factory_that_raises_keeps_the_tree_from_coming_up() -> None:
    def factory() -> Sequence[ChildSpec]:
        raise ValueError("no children today")

    report = rehearse(tree(Supervisor("made", factory)), hours=10)
    assert report.root_reason is not None
    assert report.root_reason.kind is ExitKind.START_FAILED
    assert "no children today" in str(report.root_reason)


def test_give_up_after_is_used_up_by_a_spawn_failure() -> None:
    spec = tree(*apps("a", give_up_after=1, backoff=Backoff(initial=0)), *apps("b"))
    report = rehearse(spec, faults=parse_faults(["spawn-failure=1/day"]))
    first, second = report.apps
    assert first.failed_at is not None
    assert (first.give_ups, first.outages[-1].open_at_end) == (1, True)
    assert second.failed_at is None
    assert not report.is_good


def test_what_hangs_is_killed_after_its_grace_when_its_group_restarts() -> None:
    spec = tree(*apps("a"), *apps("b", stop=Stop(grace=7.0)), strategy="one_for_all")
    plan = parse_faults(["a:crash=1/day", "b:hang=1/h", "crash=0"])
    _, hung = rehearse(spec, hours=200, faults=plan).apps
    assert 0 < hung.kills <= len(hung.stops)
    assert hung.slowest_stop == 7.0
    assert hung.hangs
    assert all(not outage.is_own for outage in hung.outages)


def test_health_checks_end_a_hang() -> None:
    plan = parse_faults(["hang=1/day", "crash=0"])
    asked = Health(Tcp(80), interval=60, timeout=5, retries=3)
    watched, other = rehearse(
        tree(*apps("a", health=asked, stop=Stop(grace=10.0)), *apps("b")), hours=500, faults=plan
    ).apps
    assert watched.hangs
    # It is asked once a minute; three silences of 5 s, and then it is deaf for its grace.
    assert all(125.0 <= hang.seconds <= 195.0 for hang in watched.hangs)
    ends = {outage.reason.kind for outage in watched.outages if outage.reason is not None}
    assert ends == {ExitKind.UNHEALTHY}
    assert watched.kills == 0  # of stops that somebody asked for
    assert sum(hang.seconds for hang in other.hangs) > 3600.0


def test_the_verdict_says_how_many_hangs_were_noticed() -> None:
    plan = parse_faults(["hang=1/day", "crash=0"])
    report = rehearse(tree(*apps("a", health=Watchdog(30))), hours=500, faults=plan)
    noticed = len(report.apps[0].outages)
    assert f"Health checks have noticed that {noticed} times." in " ".join(verdict(report))


@pytest.mark.parametrize("probe", [Tcp(80), Output("listening"), Notify()], ids=str)
def test_a_slow_start_may_take_too_long_to_get_ready(probe: Probe) -> None:
    plan = parse_faults(["slow-start=1/day", "crash=0"])
    spec = tree(*apps("a", ready=Ready(probe, timeout=20.0)), *apps("b", ready=Ready(probe, 1000)))
    strict, patient = rehearse(spec, hours=1000, faults=plan).apps
    assert strict.failed_starts > 0
    assert patient.failed_starts == 0
    assert patient.longest is not None
    assert patient.longest.seconds > 20.0  # until it is ready, not until it runs


def test_a_runtime_makes_a_job_and_forever_a_service() -> None:
    spec = tree(*apps("tick"), *apps("job", "daemon", restart="transient"))
    runtimes = {"tick": 600.0, "daemon": float("inf"), "job": 3600.0}
    report = rehearse(spec, hours=10, faults=CALM, runtimes=runtimes)
    tick, job, daemon = report.apps
    assert 58 <= tick.restarts <= 60
    assert (job.is_at_rest, daemon.is_at_rest) == (True, False)
    assert report.jobs == {"/tick": 600.0, "/job": 3600.0}


@pytest.mark.parametrize(
    "keys",
    [{"faults": parse_faults(["x:crash"])}, {"runtimes": {"x": 1.0}}],
)
@pytest.mark.parametrize("known", [True, False])
def test_an_app_that_is_not_there_is_refused(keys: dict[str, Any], known: bool) -> None:
    spec = tree(*apps("a")) if known else tree(Supervisor("s", lambda: apps("a")))
    with pytest.raises(InvalidConfig) as caught:
        rehearse(spec, hours=1, **keys)
    assert caught.value.got == "x"


def test_a_rehearsal_that_breaks_says_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(self: Any, seconds: float) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(perform.Rehearsal, "_play", play)
    with pytest.raises(RuntimeError) as caught:
        rehearse(tree(*apps("a")), hours=5, seed=77)
    assert caught.value.__notes__ == ["in a rehearsal of shop over 5 hours with seed 77"]


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    bears=st.one_of(st.none(), st.integers(0, 3)),
    restarts=st.lists(st.sampled_from(["permanent", "transient", "temporary"]), max_size=4),
)
def test_the_figures_of_any_rehearsal_fit_together(
    seed: int, strategy: str, bears: int | None, restarts: list[str]
) -> None:
    children = [App(f"a{n}", ["x"], restart=it) for n, it in enumerate(restarts)]
    spec = tree(Supervisor("s", children, strategy=strategy, max_restarts=bears), *apps("z"))
    report = rehearse(spec, hours=20, seed=seed, faults=ROUGH)
    assert 0 < report.ended_at <= report.asked
    for app in report.apps:
        edges = [edge for it in app.outages for edge in (it.since, it.until)]
        assert edges == sorted(edges)
        assert not edges or 0 <= edges[0] <= edges[-1] <= report.ended_at
        assert app.availability is None or 0 <= app.availability <= 1
        assert all(not outage.open_at_end for outage in app.outages[:-1])
        assert 0 <= app.restarts - sum(not it.open_at_end for it in app.outages) <= len(app.rests)
        assert app.kills <= len(app.stops)
    assert json.loads(json.dumps(report.as_dict()))["seed"] == seed


# The world under a tree.


async def run(spec: Supervisor, backend: SimulatedBackend, log: EventLog, seconds: float) -> None:
    async with backend:
        world = World(Services(backend, lambda *_: None), log, lambda: 0.5)
        async with running(Tree(spec, world), wait_up=False) as tree:
            with trio.move_on_after(seconds):
                await tree.ended.wait()


async def test_back_off_and_intensity_do_not_care_for_the_wall_clock(
    autojump_clock: MockClock,
) -> None:
    """An hour forth and two back, in the midst of delays and inside the window."""
    steps = ((1.1, 3600.0), (1.3, -7200.0), (2.2, 7200.0))

    def jumping() -> WallClock:
        now = trio.current_time()
        return WallClock(epoch=1e9, steps=tuple((now + at, step) for at, step in steps))

    spec = Supervisor(
        "t", apps("a", backoff=Backoff(initial=0.4, factor=1, jitter="none"), restart="permanent"),  # type: ignore[arg-type]
        max_restarts=2, within=4.0,
    )  # fmt: skip
    traces = []
    for clock in (WallClock, jumping):
        log = EventLog(clock())
        with pytest.raises(Exception, match="gave up"):
            await run(spec, SimulatedBackend({"true": Program(lifetime=1.0, code=1)}), log, 60.0)
        began_at = log.latest[0].at
        traces.append([(event.kind, round(event.at - began_at, 9)) for event in log.latest])
        walls = [event.at_wall for event in log.latest]
    assert traces[0] == traces[1]
    assert ("supervisor_gave_up", 3.8) in traces[0]
    assert walls != sorted(walls)


async def test_a_full_process_table_is_waited_out(autojump_clock: MockClock) -> None:
    backend = SimulatedBackend({"true": [Program(lifetime=5.0, code=1), Program()]})
    log = EventLog()

    async def fill() -> None:
        await trio.sleep(2.0)
        backend.machine = Machine(process_limit=0)
        await trio.sleep(18.0)
        backend.machine = Machine()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fill)
        await run(tree(*apps("a")), backend, log, 60.0)
    failures = [event for event in log.latest if isinstance(event, ev.ChildStartFailed)]
    assert len(failures) > 3
    assert "out of a resource" in failures[0].reason.detail
    (_, again) = [event.at for event in log.latest if isinstance(event, ev.ChildStarted)]
    assert 20.0 <= again - log.latest[0].at < 50.0


def test_report_is_equal_to_itself_run_again() -> None:
    def once() -> Report:
        return rehearse(varied("rest_for_one"), hours=100, seed=5, faults=ROUGH)

    assert json.dumps(once().as_dict()) == json.dumps(once().as_dict())


def test_an_essential_app_ends_the_rehearsal() -> None:
    spec = tree(*apps("a"), *apps("job", restart="temporary", essential=True))
    report = rehearse(spec, faults=parse_faults(["crash=1/week"]))
    assert report.root_reason is not None
    assert report.root_reason.kind is ExitKind.ESCALATED
    assert str(report.root_reason).startswith("escalated (job, which is essential: ")


def test_limits_of_one_app_and_of_a_worker_are_kept() -> None:
    limits: dict[str, Any] = {"max_restarts": 3, "within": 3600 * 24.0}
    worker = Worker("w", "a:B", exhausted="keep_trying", **limits)
    spec = tree(*apps("a", **limits), worker, *apps("c"))
    report = rehearse(spec, faults=parse_faults(["crash=2/day"]))
    failed, goes_on, unlimited = report.apps
    assert failed.failed_at is not None
    assert (goes_on.failed_at, unlimited.failed_at) == (None, None)
