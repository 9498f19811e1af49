"""Real programs fall ill: every state of health, every kind of probe, and what follows."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

from supctl import (
    App,
    Exec,
    Health,
    Http,
    Notify,
    Output,
    Stop,
    Supervisor,
    Tcp,
    Tree,
    Watchdog,
    events,
    open_tree,
)
from supctl.actors.probing.liveness import HealthState, Liveness
from supctl.backends.answers import Answer
from supctl.exits import ExitKind
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision.eventlog import Subscription
from supctl.testing import FreePort

PROGRAMS = Path(__file__).parents[1] / "programs"
SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]
Open = Callable[..., AbstractAsyncContextManager[Tree]]


@pytest.fixture(params=["task", "process"])
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Open:
    """Open a tree with this app in a supervisor of this process, or of one of its own."""

    def opened(app: App) -> AbstractAsyncContextManager[Tree]:
        below = Supervisor("r", [app], max_restarts=None, isolation=request.param)
        spec = Supervisor("root", [below], max_restarts=None)
        return open_tree(spec, log_directory=tmp_path / "logs")

    return opened


def program(file: str, *args: object, **keys: Any) -> App:
    words = [sys.executable, str(PROGRAMS / file), *map(str, args)]
    return App("a", words, backoff=NO_BACKOFF, **keys)


async def health_is(subscription: Subscription, health: str) -> events.HealthChanged:
    """Return when the health is said to have become so."""
    with trio.fail_after(10):
        async for event in subscription:
            if isinstance(event, events.HealthChanged) and event.health == health:
                return event
    raise AssertionError(f"the tree has ended and was never {health}")


async def ended(subscription: Subscription) -> events.ChildExited:
    """Return when the app has ended."""
    with trio.fail_after(10):
        async for event in subscription:
            if isinstance(event, events.ChildExited):
                return event
    raise AssertionError("the tree has ended, and the app has not")


async def test_one_that_answers_badly_is_restarted(opened: Open, tmp_path: Path) -> None:
    mood = tmp_path / "mood"
    with FreePort() as port:
        health = Health(Http(port.number, "/health"), interval=0.1, retries=3)
        app = program("serve_http.py", port.number, mood, ready=Tcp(port.number), health=health)
        async with opened(app) as tree:
            with tree.subscribe() as subscription:
                if tree["r/a"].status.health != "healthy":
                    await health_is(subscription, "healthy")
                assert (tree["r/a"].status.health, tree["r/a"].state) == ("healthy", "ready")
                mood.write_text("sick")
                changed = await health_is(subscription, "unhealthy")
                assert changed.as_dict()["said"] == "status 503"
                end = await ended(subscription)
                assert end.reason.kind is ExitKind.UNHEALTHY
                assert end.reason.detail == "status 503, 3 times in a row"
                assert not end.asked
                assert end.reason.status is not None
                assert end.reason.status.signal == signal.SIGTERM
                mood.unlink()
                assert (await health_is(subscription, "healthy")).said == "status 200"
            assert tree["r/a"].restarts == 1


async def test_one_that_recovers_in_time_lives_on(opened: Open, tmp_path: Path) -> None:
    mood = tmp_path / "mood"
    with FreePort() as port:
        health = Health(Http(port.number), interval=0.1, retries=1000)
        app = program("serve_http.py", port.number, mood, ready=Tcp(port.number), health=health)
        async with opened(app) as tree:
            with tree.subscribe() as subscription:
                mood.write_text("sick")
                await health_is(subscription, "unhealthy")
                assert tree["r/a"].status.probed == "status 503"
                mood.unlink()
                await health_is(subscription, "healthy")
            assert tree["r/a"].restarts == 0


async def test_one_that_does_not_answer(opened: Open, tmp_path: Path) -> None:
    mood = tmp_path / "mood"
    with FreePort() as port:
        health = Health(Http(port.number), interval=0.1, timeout=0.2, retries=2)
        app = program("serve_http.py", port.number, mood, ready=Tcp(port.number), health=health)
        async with opened(app) as tree:
            with tree.subscribe() as subscription:
                mood.write_text("hang")
                assert (await health_is(subscription, "unresponsive")).said == (
                    "no answer within 0.2 s"
                )
                assert (await ended(subscription)).reason.kind is ExitKind.UNHEALTHY


async def test_one_that_was_stopped_from_outside(opened: Open, tmp_path: Path) -> None:
    """Its port goes on accepting connections, as the kernel does that; and it can obey again."""
    with FreePort() as port:
        health = Health(Tcp(port.number), interval=0.1, retries=3)
        app = program(
            *("serve_http.py", port.number, tmp_path / "mood"),
            ready=Tcp(port.number),
            health=health,
            stop=Stop(grace=30.0),
        )
        async with opened(app) as tree:
            with tree.subscribe() as subscription:
                tree["r/a"].signal(signal.SIGSTOP)
                changed = await health_is(subscription, "unresponsive")
                assert changed.said == "it was stopped by a signal from outside"
                end = await ended(subscription)
                assert end.reason.kind is ExitKind.UNHEALTHY
                assert end.reason.status is not None
                assert end.reason.status.signal == signal.SIGTERM


async def test_before_the_first_answer_nothing_is_known(opened: Open) -> None:
    health = Health(Exec(["true"]), start_period=1000)
    async with opened(App("a", SLEEP, health=health)) as tree:
        assert (tree["r/a"].status.health, tree["r/a"].state) == ("unknown", "running")
        assert tree["r/a"].status.probed == ""


async def test_what_a_command_has_started_is_killed_at_its_timeout(
    opened: Open, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    probe = f"(setsid sleep 1000 & echo $! >> {pids}; sleep 1000 & echo $! >> {pids}; wait)"
    health = Health(Exec(["sh", "-c", probe]), interval=1000, timeout=0.5, retries=2)
    async with opened(App("a", SLEEP, health=health)) as tree:
        with tree.subscribe() as subscription:
            await health_is(subscription, "unresponsive")
        assert tree["r/a"].pid
        started = [int(pid) for pid in pids.read_text().split()]
        assert len(started) == 2
        assert not any(_lives(pid) for pid in started)


async def test_a_probe_has_the_environment_and_directory_of_its_app(
    opened: Open, tmp_path: Path
) -> None:
    probe = Exec(["/bin/sh", "-c", '[ "$COLOUR" = blue ] && [ "$PWD" = "$HERE" ]'])
    env = {"COLOUR": "blue", "HERE": str(tmp_path)}
    app = App("a", SLEEP, env=env, cwd=tmp_path, health=Health(probe, interval=0.1))
    async with opened(app) as tree:
        with tree.subscribe() as subscription:
            if tree["r/a"].status.health != "healthy":
                await health_is(subscription, "healthy")
        assert tree["r/a"].status.probed == "probe exited with code 0"


async def test_a_probe_that_does_not_exist_says_so(opened: Open) -> None:
    app = App("a", SLEEP, health=Health(Exec(["no-such-probe"]), retries=2))
    async with opened(app) as tree:
        with tree.subscribe() as subscription:
            if tree["r/a"].status.health != "unhealthy":
                await health_is(subscription, "unhealthy")
        assert "cannot start 'no-such-probe'" in tree["r/a"].status.probed


async def test_stopping_does_not_wait_for_a_probe(opened: Open) -> None:
    health = Health(Exec(["sleep", "1000"]), timeout=1000)
    async with opened(App("a", SLEEP, health=health)) as tree:
        with trio.fail_after(5):
            await tree["r/a"].stop()
        reason = tree["r/a"].reason
        assert reason is not None
        assert reason.kind is ExitKind.SHUTDOWN


# The watchdog of sd_notify(3).


async def test_one_that_says_nothing_any_more(opened: Open) -> None:
    words = ("READY=1", "WATCHDOG=1", "sleep:0.2", "WATCHDOG=1")
    app = program("notify.py", *words, ready=Notify(), health=Watchdog(0.6))
    async with opened(app) as tree:
        with tree.subscribe() as subscription:
            end = await ended(subscription)
            assert end.reason.kind is ExitKind.UNHEALTHY
            assert end.reason.detail == "no WATCHDOG=1 within 0.6 s"
            assert end.uptime > 0.6  # it had begun to sleep before we heard of its start


async def test_one_that_goes_on_speaking_lives(opened: Open) -> None:
    app = program(
        *("notify.py", "READY=1", "beat:0.1"), ready=Notify(), health=Health(Watchdog(2.0))
    )
    async with opened(app) as tree:
        with tree.subscribe() as subscription:
            if tree["r/a"].status.health != "healthy":
                await health_is(subscription, "healthy")
            tree["r/a"].signal(signal.SIGSTOP)
            assert (await health_is(subscription, "unresponsive")).said == (
                "no WATCHDOG=1 within 2 s"
            )
            tree["r/a"].signal(signal.SIGCONT)
            await health_is(subscription, "healthy")
        assert tree["r/a"].restarts == 0


async def test_one_that_calls_for_help(opened: Open) -> None:
    app = program("notify.py", "READY=1", "WATCHDOG=trigger", ready=Notify(), health=Watchdog(1000))
    async with opened(app) as tree:
        with tree.subscribe() as subscription:
            assert (await ended(subscription)).reason.detail == "it has said WATCHDOG=trigger"


async def test_it_is_told_how_often_to_speak(opened: Open, tmp_path: Path) -> None:
    ready = Output("^watchdog 2500000 True$")
    async with opened(program("notify.py", ready=ready, health=Watchdog(2.5))) as tree:
        assert tree["r/a"].state == "ready"


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# What answers mean.

WELL, ILL = Answer(True, "status 200"), Answer(False, "status 503")
SILENT = Answer(False, "no answer within 5 s", silent=True)


def test_only_failures_in_a_row_count() -> None:
    liveness = Liveness(retries=2)
    assert liveness.state is HealthState.UNKNOWN
    for answer in (ILL, WELL, SILENT, WELL, ILL):
        liveness.take(answer)
        assert not liveness.is_over
    liveness.take(SILENT)
    assert (liveness.is_over, liveness.state) == (True, HealthState.UNRESPONSIVE)
    assert liveness.verdict == "no answer within 5 s, 2 times in a row"


def test_one_failure_may_be_too_many() -> None:
    liveness = Liveness(retries=1)
    liveness.take(ILL)
    assert (liveness.is_over, liveness.verdict) == (True, "status 503")
