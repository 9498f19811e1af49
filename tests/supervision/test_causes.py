"""What is done has the event for its cause that it was done for, wherever that was told."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import trio
from trio.testing import MockClock

from supctl import App, Backoff, Limits, Supervisor
from supctl import events as ev
from supctl.backends.simulated import Program
from supctl.specs import Jitter
from supctl.supervision.eventlog import because_of
from supctl.supervision.tree import Tree

if TYPE_CHECKING:
    from tests.supervision.conftest import OpenSimulated

MakeApp = Callable[..., App]
E = TypeVar("E", bound=ev.Event)
WHO: dict[str, Any] = {"user": "ada", "uid": 1, "pid": 2}


def command(tree: Tree, address: str, name: str) -> ev.CommandGiven:
    return tree.tell(ev.CommandGiven, address, command=name, **WHO)


def told(tree: Tree, kind: type[E], address: str) -> list[E]:
    return [it for it in tree.latest_events if isinstance(it, kind) and it.address == address]


async def test_a_command_is_the_cause_of_a_stop_and_of_a_start(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    async with open_simulated(Supervisor("r", [app("a", "forever")]), {}) as tree:
        stop = command(tree, "/a", "stop")
        with because_of(stop):
            await tree["a"].stop()
        (stopping,) = told(tree, ev.ChildStopping, "/a")
        assert stopping.cause == stop.seq
        start = command(tree, "/a", "start")
        with because_of(start):
            await tree["a"].start()
        assert told(tree, ev.ChildStarted, "/a")[-1].cause == start.seq
        await tree["a"].restart()  # nobody has commanded that
        assert told(tree, ev.ChildStopping, "/a")[-1].cause != start.seq


async def test_a_command_about_a_supervisor_reaches_all_below_it(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    inner = Supervisor("inner", [app("a", "forever"), app("b", "forever")])
    async with open_simulated(Supervisor("r", [Supervisor("outer", [inner])]), {}) as tree:
        stop = command(tree, "/outer", "stop")
        with because_of(stop):
            await tree["outer"].stop()
        start = command(tree, "/outer", "start")
        with because_of(start):
            await tree["outer"].start()
        for address in ("/outer/inner/a", "/outer/inner/b"):
            (stopping,) = told(tree, ev.ChildStopping, address)
            assert stopping.cause == stop.seq
            assert told(tree, ev.ChildStarted, address)[-1].cause == start.seq
        kill = command(tree, "/", "shutdown")
        with because_of(kill):
            tree.stop()
        await tree.wait()
        for address in ("/outer/inner/a", "/outer/inner/b"):
            assert told(tree, ev.ChildStopping, address)[-1].cause == kill.seq


async def test_what_a_command_has_added_was_started_by_it(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    async with open_simulated(Supervisor("r", []), {}) as tree:
        add = command(tree, "/new", "add")
        with because_of(add):
            await tree.supervisor().start_child(Supervisor("new", [app("a", "forever")]))
        assert told(tree, ev.ChildAdded, "/new")[-1].cause == add.seq
        (started,) = told(tree, ev.ChildStarted, "/new/a")
        assert tree.chain(started)[0] == add


async def test_a_cause_is_not_that_of_all_that_comes_later(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    spec = Supervisor("r", [app("a", "once", autostart=False), app("b", "forever")])
    async with open_simulated(spec, {"once": [Program(lifetime=5.0, code=1), Program()]}) as tree:
        start = command(tree, "/a", "start")
        with because_of(start):
            await tree["a"].start()
        with tree.subscribe() as subscription:
            async for event in subscription:
                if isinstance(event, ev.ChildStarted):
                    break
        assert [it.kind for it in tree.chain(event)] == [
            *("command_given", "child_started", "child_exited", "restart_scheduled"),
            "child_started",
        ]
        await tree["b"].stop()
        (stopping,) = told(tree, ev.ChildStopping, "/b")
        assert start not in tree.chain(stopping)


async def test_siblings_are_stopped_for_the_one_that_has_ended(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    children = [app("a", "bad", backoff=Backoff(initial=1)), *(app(n, "forever") for n in "bcd")]
    spec = Supervisor("r", children, strategy="one_for_all", max_restarts=1)
    scripts = {"bad": [Program(lifetime=1.0, code=1), Program(lifetime=1.0, code=2)]}
    async with open_simulated(Supervisor("top", [spec], max_restarts=1), scripts) as tree:
        with tree.subscribe() as subscription:
            seen = await read_until(subscription, ev.SupervisorGaveUp)
            seen += await read_until(subscription, ev.RestartScheduled)
        scheduled = next(it for it in seen if isinstance(it, ev.RestartScheduled))
        gave_up = next(it for it in seen if isinstance(it, ev.SupervisorGaveUp))
        for address in ("/r/b", "/r/c", "/r/d"):
            first, second = told(tree, ev.ChildStopping, address)
            assert (first.cause, second.cause) == (scheduled.seq, gave_up.seq)


async def test_why_tells_of_a_child_and_of_what_led_to_that(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    children = [app("a", "bad"), app("b", "forever"), app("c", "forever")]
    spec = Supervisor("r", children, strategy="rest_for_one", max_restarts=3)
    scripts = {"bad": [Program(lifetime=1.0, code=7), Program()]}
    async with open_simulated(spec, scripts) as tree:
        with tree.subscribe() as subscription:
            await read_until(subscription, ev.ChildStarted, times=3)
        assert [(it.kind, it.address) for it in tree["b"].why()] == [
            ("child_started", "/a"),
            ("child_started", "/b"),
            ("child_exited", "/a"),
            ("restart_scheduled", "/a"),
            ("child_stopping", "/b"),
            ("child_exited", "/b"),
            ("child_started", "/b"),
        ]


async def test_a_signal_that_was_sent_is_told(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    async with open_simulated(Supervisor("r", [app("a", "forever")]), {}) as tree:
        given = command(tree, "/a", "signal")
        with because_of(given):
            tree["a"].signal(signal.SIGUSR1)
        (sent,) = told(tree, ev.ChildSignalled, "/a")
        assert (sent.number, sent.cause) == (signal.SIGUSR1, given.seq)


async def test_a_pause_has_the_command_for_its_cause(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    async with open_simulated(Supervisor("r", [app("a", "forever")]), {}) as tree:
        given = command(tree, "/a", "pause")
        with because_of(given):
            tree["a"].pause()
        (paused,) = told(tree, ev.ChildPaused, "/a")
        assert paused.cause == given.seq


async def test_a_delay_says_what_it_comes_from(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    backoff = Backoff(initial=2.0, factor=3.0, jitter=Jitter.NONE)
    spec = Supervisor("r", [app("a", "bad", backoff=backoff)], max_restarts=None)
    scripts = {"bad": lambda attempt: Program(lifetime=1.0, code=1)}
    async with open_simulated(spec, scripts) as tree:
        with tree.subscribe() as subscription:
            seen = await read_until(subscription, ev.RestartScheduled, times=2)
    *_, last = seen
    assert (last.delay, last.restarts) == (6.0, 2)
    assert (last.initial, last.factor, last.maximum, last.jitter) == (2.0, 3.0, 30.0, "none")
    assert ev.event_of(last.as_dict()) == last


async def test_who_ran_out_of_memory_had_a_limit(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    child = app("a", "hungry", limits=Limits(memory=64 << 20))
    spec = Supervisor("r", [child], max_restarts=None)
    scripts = {"hungry": [Program(lifetime=1.0, out_of_memory=True), Program()]}
    async with open_simulated(spec, scripts) as tree:
        with tree.subscribe() as subscription:
            *_, ended = await read_until(subscription, ev.ChildExited)
    assert ended.memory_limit == 64 << 20


async def test_events_are_numbered_on(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    spec = Supervisor("r", [app("a", "forever")])
    async with open_simulated(spec, {}, events_after=700) as tree:
        assert [it.seq for it in tree.latest_events] == [701, 702]
        await trio.lowlevel.checkpoint()
