"""Trees in virtual time: what starts, stops and restarts, and what is told of it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import MockClock

from supctl import Actor, App, Backoff, Stop, Supervisor, Worker
from supctl import events as ev
from supctl.backends.simulated import Child, Program, SimulatedBackend
from supctl.errors import GaveUp, InvalidState, ProcessNotFound, StartFailed
from supctl.exits import ExitKind
from supctl.supervision.eventlog import EventLog

if TYPE_CHECKING:
    from tests.supervision.conftest import OpenSimulated

MakeApp = Callable[..., App]
AT_ONCE = Backoff(initial=0)


def started(seen: list[Any]) -> list[str]:
    return [event.address for event in seen if isinstance(event, ev.ChildStarted)]


def ended(seen: list[Any]) -> list[str]:
    return [event.address for event in seen if isinstance(event, ev.ChildExited)]


async def test_start_in_order_and_stop_in_reverse(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    def forever(name: str) -> App:
        return App(name, ["forever"], env={})

    spec = Supervisor("r", [forever("a"), Supervisor("s", [forever("b")]), forever("c")])
    async with open_simulated(spec, {}) as tree:
        assert started(list(tree.latest_events)) == ["/a", "/s/b", "/s", "/c"]
    assert ended(list(tree.latest_events)) == ["/c", "/s/b", "/s", "/a"]
    assert isinstance(tree.latest_events[-1], ev.TreeStopped)


async def test_delay_between_crash_and_restart_is_the_one_that_is_told(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    spec = Supervisor("r", [app("a", backoff=Backoff(initial=3.0))], max_restarts=None)
    async with (
        open_simulated(spec, {"a": Program(lifetime=5.0, code=1)}, random=lambda: 0.5) as tree,
        trio.open_nursery() as nursery,
    ):
        with tree.subscribe() as subscription:
            seen = await read_until(subscription, ev.ChildStarted)
        nursery.cancel_scope.cancel()
    crashed, report, scheduled, again = seen
    assert isinstance(crashed, ev.ChildExited)
    assert (report.context, report.child, report.cause) == ("child_terminated", "/a", crashed.seq)
    assert (crashed.uptime, crashed.reason.kind) == (5.0, ExitKind.CRASHED)
    assert (scheduled.delay, scheduled.cause) == (1.5, crashed.seq)
    assert again.at - crashed.at == 1.5
    assert again.cause == scheduled.seq


async def test_group_is_stopped_at_once_and_waits_once(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    children = [app("a", "forever"), app("b", backoff=Backoff(initial=8)), app("c", "forever")]
    spec = Supervisor("r", children, strategy="one_for_all", max_restarts=None)
    programs = {"b": [Program(lifetime=5.0, code=1), Program()]}
    async with open_simulated(spec, programs, random=lambda: 0.5) as tree:
        with tree.subscribe() as subscription:
            seen = await read_until(subscription, ev.ChildStarted, times=3)
    assert ended(seen) == ["/b", "/c", "/a"]
    assert started(seen) == ["/a", "/b", "/c"]
    (first, *_) = seen
    assert {event.at for event in seen if isinstance(event, ev.ChildExited)} == {first.at}
    assert {event.at - first.at for event in seen if isinstance(event, ev.ChildStarted)} == {4.0}


async def test_who_waits_with_its_group_is_seen_to_wait(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    children = [
        app("a", "forever"),
        app("b", backoff=Backoff(initial=8)),
        app("c", "forever"),
        app("once", "forever", restart="temporary"),
    ]
    spec = Supervisor("r", children, strategy="rest_for_one", max_restarts=None)
    programs = {"b": [Program(lifetime=5.0, code=1), Program()]}
    async with open_simulated(spec, programs, random=lambda: 0.5) as tree:
        await trio.sleep(6.0)
        told = {row.name: (row.state, row.due_in) for row in tree.status()}
        assert told == {
            "a": ("running", None),
            "b": ("backoff", 3.0),
            "c": ("backoff", 3.0),
            "once": ("stopped", None),
        }


async def test_give_up_after_ends_one_app_and_not_its_siblings(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    bad = app("bad", give_up_after=2, backoff=AT_ONCE)
    spec = Supervisor("r", [bad, app("good", "forever")], max_restarts=None)
    async with open_simulated(spec, {"bad": Program(lifetime=1.0, code=1)}) as tree:
        with tree.subscribe() as subscription:
            failed = (await read_until(subscription, ev.ChildFailed))[-1]
        assert (failed.address, failed.restarts) == ("/bad", 2)
        assert (tree["bad"].state, tree["good"].state) == ("failed", "running")
        await tree["bad"].start()
        assert tree["bad"].state == "running"


async def test_root_that_gives_up_cancels_the_block_and_raises(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    spec = Supervisor("shop", [app("bad", backoff=AT_ONCE)], max_restarts=3, within=60)
    with pytest.raises(GaveUp) as caught:
        async with open_simulated(spec, {"bad": Program(lifetime=1.0, code=7)}):
            await trio.sleep_forever()
    assert (caught.value.child, caught.value.restarts) == ("/bad", 3)
    assert "exited with code 7" in str(caught.value)


async def test_escalation_is_a_chain_of_causes(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    inner = Supervisor("inner", [app("bad", backoff=AT_ONCE)], max_restarts=0)
    spec = Supervisor("r", [inner], max_restarts=None)
    programs = {"bad": [Program(lifetime=1.0, code=1), Program()]}
    async with open_simulated(spec, programs) as tree:
        with tree.subscribe() as subscription:
            await read_until(subscription, ev.RestartScheduled)
        by_number = {event.seq: event for event in tree.latest_events}
        event = tree.latest_events[-1]
        chain = [event]
        while event.cause is not None:
            event = by_number[event.cause]
            chain.append(event)
    kinds = [type(event) for event in chain]
    assert kinds[:4] == [ev.RestartScheduled, ev.ChildExited, ev.SupervisorGaveUp, ev.ChildExited]
    assert chain[3].address == "/inner/bad"


async def test_failed_start_is_rolled_back(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    spec = Supervisor("r", [app("a", "forever"), app("b", "missing"), app("c", "forever")])
    with pytest.raises(StartFailed, match="/b did not start: cannot start 'missing'"):
        async with open_simulated(spec, {}):
            raise AssertionError("the block is not entered")


async def test_an_error_of_the_block_comes_out_as_it_is(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    async def fail() -> None:
        async with open_simulated(Supervisor("r", [app("a", "forever")]), {}):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_cancelled_block_stops_the_tree_in_order(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    program = Program(stop_delay=2.0)
    with trio.move_on_after(10) as scope:
        async with open_simulated(Supervisor("r", [app("a")]), {"a": program}) as tree:
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - tree.latest_events[0].at == 12.0
    assert tree["a"].reason is not None
    assert tree["a"].reason.kind is ExitKind.SHUTDOWN


async def test_deaf_app_is_killed_when_its_grace_ends(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    deaf = app("deaf", stop=Stop(grace=5.0))
    program = Program(deaf_to=frozenset({15}))
    async with open_simulated(Supervisor("r", [deaf]), {"deaf": program}) as tree:
        asked_at = trio.current_time()
        await tree["deaf"].stop()
        assert trio.current_time() - asked_at == 5.0
        assert tree["deaf"].state == "stopped"
        assert tree["deaf"].reason is not None
        assert tree["deaf"].reason.kind is ExitKind.KILLED


async def test_children_that_a_dead_app_leaves_are_ended_before_its_restart(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    forks = Program(lifetime=1.0, code=1, children=(Child(escapes=True),))
    spec = Supervisor("r", [app("a", backoff=AT_ONCE)], max_restarts=None)
    async with open_simulated(spec, {"a": [forks, Program()]}) as tree:
        with tree.subscribe() as subscription:
            seen = await read_until(subscription, ev.ChildStarted)
    left, crashed, *_ = seen
    assert isinstance(left, ev.ChildDetached)
    assert not left.kept
    assert isinstance(crashed, ev.ChildExited)


async def test_detached_app_lives_as_long_as_its_children(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    daemonizes = Program(lifetime=1.0, children=(Child(lifetime=60.0, escapes=True),))
    spec = Supervisor("r", [app("d", detached=True, restart="transient")])
    async with open_simulated(spec, {"d": daemonizes}) as tree:
        with tree.subscribe() as subscription:
            (left,) = await read_until(subscription, ev.ChildDetached)
            assert left.kept
            assert tree["d"].state == "detached"
            (end,) = await read_until(subscription, ev.ChildExited)
        assert end.uptime == 60.0
        assert tree["d"].state == "exited"


async def test_lost_reaper_is_a_crash_of_its_apps(
    autojump_clock: MockClock, tmp_path: Any, app: MakeApp, read_until: Any
) -> None:
    from supctl import open_tree

    backend = SimulatedBackend({"a": Program()})
    spec = Supervisor("r", [app("a", backoff=AT_ONCE)], max_restarts=None)
    async with open_tree(spec, backend=backend, log_directory=tmp_path) as tree:
        with tree.subscribe() as subscription:
            backend.lose_reaper("killed")
            seen = await read_until(subscription, ev.ChildStarted)
    (end,) = [event for event in seen if isinstance(event, ev.ChildExited)]
    assert end.reason.kind is ExitKind.LOST


async def test_instances_have_addresses_of_their_own(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    spec = Supervisor("r", [Supervisor("web", [app("api", "forever", instances=3)])])
    async with open_simulated(spec, {}) as tree:
        addresses = [row.address for row in tree.status()]
        assert addresses == ["/web", "/web/api:1", "/web/api:2", "/web/api:3"]
        await tree["web/api:2"].stop()
        states = [row.state for row in tree.status()]
        assert states == ["running", "running", "stopped", "running"]
        with pytest.raises(ProcessNotFound, match="/web/api:1"):
            tree["web/api"]


async def test_requests_that_do_not_fit_are_refused(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    async with open_simulated(Supervisor("r", [app("a", "forever")]), {}) as tree:
        with pytest.raises(InvalidState, match="running; wanted stopped"):
            await tree["a"].start()
        with pytest.raises(InvalidState, match="a worker that runs"):
            _ = tree["a"].ref
        with pytest.raises(ProcessNotFound):
            tree["nothing"]
        await tree["a"].stop()
        await tree["a"].stop()
        await tree["a"].restart()
        assert tree["a"].state == "running"
    with pytest.raises(InvalidState, match="stopped"):
        await tree["a"].stop()


async def test_stop_during_back_off_ends_the_wait(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp, read_until: Any
) -> None:
    slow = Backoff(initial=1000, maximum=1000)
    spec = Supervisor("r", [app("a", backoff=slow)], max_restarts=None)
    async with open_simulated(spec, {"a": Program(lifetime=1.0, code=1)}) as tree:
        with tree.subscribe() as subscription:
            await read_until(subscription, ev.RestartScheduled)
        assert tree["a"].state == "backoff"
        before = trio.current_time()
    assert trio.current_time() == before


async def test_concurrent_children_stop_together(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    children = [app(f"a{number}", "slow") for number in range(20)]
    spec = Supervisor("r", children, start="concurrent")
    async with open_simulated(spec, {"slow": Program(stop_delay=3.0)}):
        asked_at = trio.current_time()
    assert trio.current_time() - asked_at == 3.0


class Greeter(Actor):
    async def greet(self, name: str) -> str:
        return f"hello {name}"

    async def fall_over(self) -> None:
        raise RuntimeError("too much")


async def test_worker_crashes_and_comes_back(
    autojump_clock: MockClock, open_simulated: OpenSimulated, read_until: Any
) -> None:
    spec = Supervisor("r", [Worker("greeter", Greeter, backoff=AT_ONCE)])
    async with open_simulated(spec, {}) as tree:
        ref = tree["greeter"].ref
        assert await ref.call("greet", "you") == "hello you"
        with tree.subscribe() as subscription:
            ref.cast("fall_over")
            seen = await read_until(subscription, ev.ChildStarted)
        assert "RuntimeError: too much" in str(seen[0].reason)
        assert await tree["greeter"].ref.call("greet", "again") == "hello again"


async def test_slow_reader_misses_the_oldest_and_is_told_how_many(
    autojump_clock: MockClock,
) -> None:
    log = EventLog()
    with log.subscribe() as subscription:
        for _ in range(1500):
            log.emit(ev.TreeStarted, address="/")
        missed = await anext(subscription)
        assert isinstance(missed, ev.EventsMissed)
        assert missed.count == 500
        assert (await anext(subscription)).seq == 501
        log.close()
        assert len([event async for event in subscription]) == 999


async def test_full_disk_is_an_event_and_the_app_runs_on(
    autojump_clock: MockClock,
    open_simulated: OpenSimulated,
    app: MakeApp,
    read_until: Any,
    tmp_path: Path,
) -> None:
    (tmp_path / "a.out.log").symlink_to("/dev/full")
    talks = Program(output=((1.0, b"a word"),))
    async with open_simulated(Supervisor("r", [app("a")]), {"a": talks}) as tree:
        with tree.subscribe() as subscription:
            (told,) = await read_until(subscription, ev.OutputLost)
        assert (told.address, told.errno, told.lost) == ("/a", errno.ENOSPC, 0)  # it waits
        assert tree["a"].state == "running"
