"""Order between siblings, significance, the start rate, and how what happens can be followed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from supctl import App, Backoff, StartRate, Supervisor, Tree
from supctl import events as ev
from supctl.backends.simulated import Program
from supctl.specs.policy import NO_BACKOFF

OpenSimulated = Callable[..., AbstractAsyncContextManager[Tree]]
MakeApp = Callable[..., App]


def started(tree: Tree) -> list[tuple[str, float]]:
    """Return who was started, and when."""
    return [(it.address, it.at) for it in tree.latest_events if isinstance(it, ev.ChildStarted)]


async def test_a_child_starts_when_those_it_depends_on_are_up(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    children = [
        app("web", "quick", depends_on=["db", "cache"]),
        app("db", "slow", instances=2),
        app("cache", "quick"),
        app("other", "slower"),
    ]
    programs = {
        "quick": Program(start_delay=1.0, stop_delay=1.0),
        "slow": Program(start_delay=5.0),
        "slower": Program(start_delay=60.0),
    }
    spec = Supervisor("r", children, start="concurrent")
    async with open_simulated(spec, programs) as tree:
        began_at = started(tree)[0][1] - 1.0
        told = {address: at - began_at for address, at in started(tree)}
        assert told == {"/cache": 1, "/db:1": 5, "/db:2": 5, "/web": 6, "/other": 60}
        tree.stop()
        await tree.wait()
        events = tree.latest_events
        ended = {it.address: it.at for it in events if isinstance(it, ev.ChildExited)}
        asked = {it.address: it.at for it in events if isinstance(it, ev.ChildStopping)}
        assert asked["/web"] == asked["/other"] == ended["/other"]
        assert ended["/web"] == asked["/web"] + 1.0
        assert asked["/db:1"] == asked["/db:2"] == asked["/cache"] == ended["/web"]


async def test_in_sequence_what_is_depended_on_comes_first_too(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    children = [app("web", "forever", depends_on=["db"]), app("db", "forever"), app("x", "forever")]
    async with open_simulated(Supervisor("r", children), {}) as tree:
        assert [address for address, _ in started(tree)] == ["/db", "/web", "/x"]


async def test_a_significant_child_that_has_done_its_work_ends_the_tree(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    children = [
        app("server", "forever"),
        app("suite", "suite", restart="transient", significant=True),
    ]
    spec = Supervisor("r", children, auto_shutdown="any_significant")
    async with open_simulated(spec, {"suite": Program(lifetime=30.0)}) as tree:
        reason = await tree.wait()
        assert str(reason) == "shutdown (suite has ended)"
        (event,) = (it for it in tree.latest_events if isinstance(it, ev.SupervisorAutoShutdown))
        assert event.child == "/suite"
        *_, end = tree.latest_events
        assert [type(it) for it in tree.chain(end)] == [
            ev.ChildStarted,
            ev.ChildExited,
            ev.SupervisorAutoShutdown,
            ev.TreeStopped,
        ]


async def test_the_start_rate_spreads_a_herd(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    below = [app(f"a{n}", "crashing", backoff=NO_BACKOFF) for n in range(15)]
    others = [app(f"b{n}", "crashing", backoff=NO_BACKOFF) for n in range(15)]
    options: dict[str, Any] = {"max_restarts": None, "start": "concurrent"}
    spec = Supervisor(
        "r",
        [Supervisor("s", below, **options), Supervisor("t", others, **options)],
        start_rate=StartRate(starts=10, within=1.0),
    )
    scripts = {"crashing": lambda attempt: Program(lifetime=5.0 if attempt < 30 else None)}
    async with open_simulated(spec, scripts) as tree:
        await trio.sleep(20.0)
        again = [at for address, at in started(tree) if address.count("/") == 2][30:]
        assert len(again) == 30
        assert again[9] == again[0]  # ten at once
        assert again[29] - again[0] == pytest.approx(2.0)  # then ten a second
        assert all(
            b - a >= 1.0 - 1e-9 for a, b in zip(again, again[10:], strict=False) if a > again[0]
        )
        paced = [it for it in tree.latest_events if isinstance(it, ev.RestartPaced)]
        assert len(paced) == 20


async def test_the_chain_leads_from_a_crash_to_the_escalation(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    inner = Supervisor("inner", [app("a", "bad", backoff=Backoff(initial=1.0))], max_restarts=1)
    spec = Supervisor("r", [Supervisor("outer", [inner], max_restarts=0)], max_restarts=1)
    scripts = {"bad": lambda attempt: Program(lifetime=1.0 if attempt < 2 else None, code=1)}
    async with open_simulated(spec, scripts) as tree:
        with tree.subscribe() as subscription:
            async for event in subscription:
                if isinstance(event, ev.ChildStarted) and event.address == "/outer":
                    break
        told = [(type(it).__name__, it.address) for it in tree.chain(event)]
    assert told[:4] == [
        ("ChildStarted", "/outer/inner/a"),
        ("ChildExited", "/outer/inner/a"),
        ("RestartScheduled", "/outer/inner/a"),
        ("ChildStarted", "/outer/inner/a"),
    ]
    assert told[4:] == [
        ("ChildExited", "/outer/inner/a"),
        ("SupervisorGaveUp", "/outer/inner"),
        ("ChildExited", "/outer/inner"),
        ("SupervisorGaveUp", "/outer"),
        ("ChildExited", "/outer"),
        ("RestartScheduled", "/outer"),
        ("ChildStarted", "/outer"),
    ]


async def test_a_handler_of_events_that_raises_harms_nobody(
    autojump_clock: MockClock,
    open_simulated: OpenSimulated,
    app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: ev.Event) -> None:
        raise LookupError(event.kind)

    async with open_simulated(Supervisor("r", [app("a", "forever")]), {}, on_event=broken) as tree:
        assert tree["a"].state == "running"
    assert "LookupError: child_started" in caplog.text


async def test_reports_hold_what_otps_do(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    spec = Supervisor("r", [app("a", "bad", backoff=NO_BACKOFF)], max_restarts=1)
    with pytest.raises(Exception, match="gave up"):
        async with open_simulated(spec, {"bad": Program(lifetime=1.0, code=3)}) as tree:
            await trio.sleep_forever()
    reports = [it for it in tree.latest_events if isinstance(it, ev.SupervisorReport)]
    assert [(it.context, it.child, it.address) for it in reports] == [
        ("child_terminated", "/a", "/"),
        ("child_terminated", "/a", "/"),
        ("shutdown", "/a", "/"),
    ]
    assert all(it.reason.status is not None and it.reason.status.code == 3 for it in reports)


async def test_the_tree_can_be_drawn_as_it_is(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    web = Supervisor("web", [app("api", "forever"), app("job", "job", restart="transient")])
    async with open_simulated(
        Supervisor("shop", [web, app("db", "forever")]), {"job": Program(lifetime=1.0)}
    ) as tree:
        await trio.sleep(2.0)
        lines = tree.picture().splitlines()
    assert [line.partition(", pid")[0] for line in lines] == [
        "shop",
        "├─ web: running",
        "│  ├─ api: running",
        "│  └─ job: exited, normal (exited with code 0)",
        "└─ db: running",
    ]
