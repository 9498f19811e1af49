"""Readiness and health in virtual time: what scripts say, to the second."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from supctl import (
    App,
    Delay,
    Exec,
    Health,
    Http,
    Notify,
    Output,
    Ready,
    Stop,
    Supervisor,
    Tcp,
    Tree,
    Watchdog,
    events,
)
from supctl.backends.simulated import Program
from supctl.errors import InvalidConfig, StartFailed
from supctl.exits import ExitKind
from supctl.specs import Probe
from supctl.specs.policy import NO_BACKOFF

OpenSimulated = Callable[..., AbstractAsyncContextManager[Tree]]
HOUR = 3600.0


def tree_of(*apps: App) -> Supervisor:
    return Supervisor("r", apps, max_restarts=None)


def app(**keys: Any) -> App:
    return App("a", ["a"], env={}, backoff=NO_BACKOFF, **keys)


def times(tree: Tree, kind: type[events.Event], began_at: float) -> list[float]:
    told = [event for event in tree.latest_events if isinstance(event, kind)]
    return [round(event.at - began_at, 6) for event in told]


@pytest.mark.parametrize("probe", [Tcp(1), Http(1), Exec(["x"]), Notify()], ids=str)
async def test_it_is_ready_when_its_script_says_so(
    autojump_clock: MockClock, open_simulated: OpenSimulated, probe: Probe
) -> None:
    began_at = trio.current_time()
    spec = tree_of(app(ready=probe), App("b", ["forever"], env={}))
    async with open_simulated(spec, {"a": Program(ready_after=12.5)}) as tree:
        assert trio.current_time() - began_at == pytest.approx(12.5)
        assert (tree["a"].state, tree["b"].state) == ("ready", "running")


async def test_output_and_delay(autojump_clock: MockClock, open_simulated: OpenSimulated) -> None:
    began_at = trio.current_time()
    program = Program(output=((1.0, b"starting\n"), (3.0, b"now listening\n")), ready_after=None)
    async with open_simulated(tree_of(app(ready=Output("listen"))), {"a": program}):
        assert trio.current_time() - began_at == pytest.approx(3.0)
    began_at = trio.current_time()
    async with open_simulated(tree_of(app(ready=Delay(7))), {"a": program}):
        assert trio.current_time() - began_at == pytest.approx(7.0)


async def test_one_that_is_never_ready(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    began_at = trio.current_time()
    with pytest.raises(StartFailed, match="not ready within 30 s: connection refused"):
        async with open_simulated(tree_of(app(ready=Tcp(1))), {"a": Program(ready_after=None)}):
            pass
    assert trio.current_time() - began_at == pytest.approx(30.0)


async def test_one_that_hangs_before_it_is_ready(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    spec = tree_of(app(ready=Ready(Http(1), timeout=20), stop=Stop(grace=5.0)))
    began_at = trio.current_time()
    with pytest.raises(StartFailed, match="not ready within 20 s: no answer within 1 s"):
        async with open_simulated(spec, {"a": Program(hangs_after=0.0)}):
            pass
    assert trio.current_time() - began_at == pytest.approx(25.0)  # and it was deaf


async def test_a_restart_that_does_not_become_ready_is_tried_again(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    lives = [Program(lifetime=10.0), Program(ready_after=None), Program()]
    async with open_simulated(tree_of(app(ready=Ready(Tcp(1), timeout=4.0))), {"a": lives}) as tree:
        await trio.sleep(60)
        assert tree["a"].state == "ready"
        kinds = [event.kind for event in tree.latest_events if event.address == "/a"]
        assert kinds == [
            *("child_started", "child_ready", "child_exited", "restart_scheduled"),
            *("child_started", "child_start_failed", "restart_scheduled"),
            *("child_started", "child_ready"),
        ]


@pytest.mark.parametrize(
    ("health", "program", "state", "ends_at"),
    [
        # Asked at 0, 10, 20, ...; ill from 25 on: it fails at 30, 40 and 50.
        (Health(Http(1), interval=10), Program(unhealthy_after=25.0), "unhealthy", 50.0),
        # Asked from 7 on: it fails at 27, 37 and 47.
        (
            Health(Http(1), interval=10, start_period=7),
            Program(unhealthy_after=25.0),
            "unhealthy",
            47.0,
        ),
        # No answer is waited for until 32, 42 and 52.
        (Health(Tcp(1), interval=10, timeout=2), Program(hangs_after=25.0), "unresponsive", 52.0),
        (Health(Exec(["x"]), interval=HOUR), Program(unhealthy_after=0.5), "unhealthy", 3 * HOUR),
        # Well at 25 for the last time.
        (Watchdog(10), Program(hangs_after=25.0), "unresponsive", 35.0),
    ],
)
async def test_it_ends_as_unhealthy_after_so_many_failures(
    autojump_clock: MockClock,
    open_simulated: OpenSimulated,
    health: Health | Probe,
    program: Program,
    state: str,
    ends_at: float,
) -> None:
    spec = tree_of(app(health=health, stop=Stop(grace=0)))
    async with open_simulated(spec, {"a": [program, Program()]}) as tree:
        began_at = trio.current_time()
        await trio.sleep(ends_at + 1)
        assert times(tree, events.ChildExited, began_at) == [ends_at]
        (end,) = [it for it in tree.latest_events if isinstance(it, events.ChildExited)]
        assert end.reason.kind is ExitKind.UNHEALTHY
        told = [it.health for it in tree.latest_events if isinstance(it, events.HealthChanged)]
        assert state in told
        assert tree["a"].restarts == 1


async def test_a_deaf_one_is_killed_after_its_grace(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    spec = tree_of(app(health=Health(Tcp(1), interval=10, timeout=2, retries=1)))
    async with open_simulated(spec, {"a": [Program(hangs_after=5.0), Program()]}) as tree:
        began_at = trio.current_time()
        await trio.sleep(60)
        assert times(tree, events.ChildKilled, began_at) == [22.0]
        (end,) = [it for it in tree.latest_events if isinstance(it, events.ChildExited)]
        assert end.reason.kind is ExitKind.UNHEALTHY


async def test_a_healthy_year_costs_nothing(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    """Nobody asks what must say the same as before."""
    spec = tree_of(app(health=Health(Http(1), interval=1)))
    async with open_simulated(spec, {"a": Program()}) as tree:
        await trio.sleep(365 * 24 * HOUR)
        assert tree["a"].status.health == "healthy"
        assert trio.lowlevel.current_statistics().seconds_to_next_deadline == math.inf


async def test_restart_policies_decide_what_follows(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    health = Health(Http(1), interval=10, retries=1)
    spec = tree_of(app(health=health, restart="temporary"), App("b", ["forever"], env={}))
    async with open_simulated(spec, {"a": Program(unhealthy_after=5.0)}) as tree:
        await trio.sleep(60)
        assert tree["a"].state == "exited"
        assert str(tree["a"].reason) == "unhealthy (status 503)"


def test_scripts_are_checked() -> None:
    with pytest.raises(InvalidConfig, match="ready_after is -1; wanted 0 seconds or more"):
        Program(ready_after=-1)
    with pytest.raises(InvalidConfig, match="unhealthy_after is nan; wanted 0 seconds or more"):
        Program(unhealthy_after=math.nan)
