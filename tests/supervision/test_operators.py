"""What operators rely on, seen through handles of trees with simulated programs."""

from __future__ import annotations

import errno
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from supctl import App, Backoff, Delay, DynamicSupervisor, Stop, Supervisor, Tree, Worker, open_tree
from supctl import events as ev
from supctl.backends.simulated import Program, Script, SimulatedBackend
from supctl.errors import InvalidState, ProcessNotFound, StartFailed, TerminateFailed, TreeEnded
from supctl.exits import ExitKind
from supctl.specs.policy import NO_BACKOFF

pytestmark = pytest.mark.simulated

Stage = Callable[..., AbstractAsyncContextManager[tuple[Tree, SimulatedBackend]]]
MISSING = Program(fails_to_start=errno.ENOENT)
SLOW = Backoff(initial=10, maximum=10, jitter="none")  # type: ignore[arg-type]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Open a tree of ``children``: ``stage(*children, program=Program(...))``."""

    @asynccontextmanager
    async def opened(
        *children: Any, options: dict[str, Any] | None = None, **programs: Script
    ) -> AsyncIterator[tuple[Tree, SimulatedBackend]]:
        backend = SimulatedBackend({"forever": Program(), **programs})
        spec = Supervisor("r", children, **{"max_restarts": None, **(options or {})})
        async with open_tree(spec, backend=backend, log_directory=tmp_path) as tree:
            yield tree, backend

    return opened


def app(name: str, program: str = "", **keys: Any) -> App:
    return App(name, [program or name], env={}, **{"backoff": NO_BACKOFF, **keys})


def kinds_of(tree: Tree, address: str) -> list[str]:
    return [event.kind for event in tree.latest_events if event.address == address]


async def nothing_lives(backend: SimulatedBackend) -> None:
    with trio.fail_after(0.001):
        for process in backend.processes:
            await process.wait_gone()


# A stop by a person.


async def test_stop_during_back_off_calls_the_restart_off_and_signals_nobody(
    autojump_clock: MockClock, stage: Stage
) -> None:
    crashing = Program(lifetime=1, code=1)
    async with stage(app("a", backoff=SLOW), a=crashing) as (tree, backend):
        await trio.sleep(2)
        assert tree["a"].state == "backoff"
        await tree["a"].stop()
        assert tree["a"].state == "stopped"
        await trio.sleep(100)
        (process,) = backend.processes
        assert process.signals == []
        assert "child_stopping" not in kinds_of(tree, "/a")


async def test_a_stop_is_not_a_crash_and_forgets_those_before(
    autojump_clock: MockClock, stage: Stage
) -> None:
    program = Program(lifetime=1, code=1)
    spec = app("a", give_up_after=2, max_restarts=2, within=1000)
    async with stage(spec, a=[program, program, Program()]) as (tree, _):
        await trio.sleep(3)
        assert (tree["a"].state, tree["a"].restarts) == ("running", 2)
        await tree["a"].stop()
        assert tree["a"].reason is not None
        assert tree["a"].reason.kind is ExitKind.SHUTDOWN
        await tree["a"].start()
        for _ in range(2):  # as many as if it had never crashed
            tree["a"].signal(9)
            await trio.sleep(1)
        assert (tree["a"].state, tree["a"].restarts) == ("running", 4)
        tree["a"].signal(9)
        await trio.sleep(1)
        assert tree["a"].state == "failed"


# Restarts.


async def test_two_restarts_at_once_are_one(autojump_clock: MockClock, stage: Stage) -> None:
    async with stage(app("a"), a=Program(stop_delay=5)) as (tree, backend):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(tree["a"].restart)
        assert trio.current_time() == 5
        assert len(backend.processes) == 2
        assert (tree["a"].state, tree["a"].restarts) == ("running", 0)


async def test_a_restart_that_nobody_waits_for_any_more_goes_on_for_those_who_do(
    autojump_clock: MockClock,
    stage: Stage,
) -> None:
    async with stage(app("a"), a=Program(stop_delay=5)) as (tree, backend):
        with trio.CancelScope() as impatient:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tree["a"].restart)
                await trio.sleep(1)
                impatient.cancel()
        await tree["a"].restart()
        assert (trio.current_time(), len(backend.processes)) == (5, 2)


@pytest.mark.parametrize("start", ["sequential", "concurrent"])
async def test_restart_during_stop_starts_when_the_stop_is_done(
    autojump_clock: MockClock, stage: Stage, start: str
) -> None:
    slow = Program(stop_delay=5)
    async with stage(app("a"), a=slow, options={"start": start}) as (tree, backend):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tree["a"].stop)
            await trio.sleep(1)
            assert tree["a"].state == "stopping"
            await tree["a"].restart()
            assert (trio.current_time(), tree["a"].state) == (5, "running")
        assert len(backend.processes) == 2


async def test_the_last_of_several_wishes_counts(autojump_clock: MockClock, stage: Stage) -> None:
    async with stage(app("a"), a=Program(stop_delay=5)) as (tree, backend):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tree["a"].restart)
            await trio.sleep(1)
            nursery.start_soon(tree["a"].stop)
            await trio.sleep(1)
            assert tree["a"].state == "stopping"
        assert (tree["a"].state, len(backend.processes)) == ("stopped", 2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tree["a"].restart)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(tree["a"].stop)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(tree["a"].restart)  # another one: a stop lies between
        assert tree["a"].state == "running"


async def test_restart_of_what_waits_has_failed_or_has_ended(
    autojump_clock: MockClock, stage: Stage
) -> None:
    scripts: dict[str, Script] = {
        "waits": [Program(lifetime=1, code=1), Program()],
        "failed": [Program(lifetime=1, code=1), Program()],
        "ended": [Program(lifetime=1), Program()],
    }
    children = [
        app("waits", backoff=SLOW),
        app("failed", give_up_after=0),
        app("ended", restart="temporary"),
    ]
    async with stage(*children, **scripts) as (tree, _):
        await trio.sleep(2)
        assert [row.state for row in tree.status()] == ["backoff", "failed", "exited"]
        for handle in tree:
            await handle.restart()
        assert [row.state for row in tree.status()] == ["running"] * 3


async def test_instances_and_temporary_children_keep_their_place_in_a_restart(
    autojump_clock: MockClock,
    stage: Stage,
) -> None:
    jobs = DynamicSupervisor("jobs", app("job", "forever", restart="temporary"))
    once = app("once", "forever", restart="temporary")
    async with stage(jobs, once, app("last", "forever")) as (tree, _):
        job = await tree.supervisor("jobs").start_instance(name="one")
        assert job is not None
        for handle in (job, tree["once"]):
            before = handle.pid
            await handle.restart()
            assert handle.state == "running"
            assert handle.pid != before
        assert [row.address for row in tree.status()] == ["/jobs", "/jobs/one", "/once", "/last"]


async def test_a_restart_whose_start_fails_says_so(autojump_clock: MockClock, stage: Stage) -> None:
    async with stage(app("a"), a=[Program(), MISSING]) as (tree, _):
        with pytest.raises(StartFailed):
            await tree["a"].restart()
        assert (tree["a"].state, str(tree["a"].reason and tree["a"].reason.kind)) == (
            "exited",
            "start_failed",
        )


async def test_a_stop_calls_off_the_start_of_a_restart(
    autojump_clock: MockClock, stage: Stage
) -> None:
    scripts = [Program(), Program(start_delay=50)]
    async with stage(app("a"), a=scripts, options={"start": "concurrent"}) as (tree, _):
        async with trio.open_nursery() as nursery:

            async def restart() -> None:
                with pytest.raises(InvalidState, match="stopping"):
                    await tree["a"].restart()

            nursery.start_soon(restart)
            await trio.sleep(1)
            assert tree["a"].state == "starting"
            await tree["a"].stop()
        assert tree["a"].state == "stopped"


# Deletes.


@pytest.mark.parametrize("start", ["sequential", "concurrent"])
async def test_delete_during_start(autojump_clock: MockClock, stage: Stage, start: str) -> None:
    scripts = [Program(), Program(start_delay=5)]
    async with stage(app("a"), a=scripts, options={"start": start}) as (tree, backend):
        await tree["a"].stop()
        async with trio.open_nursery() as nursery:

            async def begin() -> None:
                if start == "concurrent":
                    with pytest.raises(InvalidState):
                        await tree["a"].start()
                else:
                    await tree["a"].start()

            nursery.start_soon(begin)
            await trio.sleep(1)
            await tree["a"].delete()
        with pytest.raises(ProcessNotFound):
            tree["a"]
        await nothing_lives(backend)


async def test_delete_of_what_runs_waits_or_is_an_instance(
    autojump_clock: MockClock, stage: Stage
) -> None:
    jobs = DynamicSupervisor("jobs", app("job", "forever"))
    children = [jobs, app("waits", backoff=SLOW), app("runs", "forever")]
    children += [app("once", "done", restart="temporary")]
    done = Program(lifetime=0)
    async with stage(*children, waits=Program(lifetime=1, code=1), done=done) as (tree, _):
        await tree.supervisor("jobs").start_instance(name="one")
        await trio.sleep(2)
        for address in ("jobs/one", "waits", "runs", "once"):
            await tree[address].delete()
        assert [row.address for row in tree.status()] == ["/jobs"]


# Limits, codes and ends.


async def test_an_exit_by_a_stop_code_is_a_wish_to_end(
    autojump_clock: MockClock, stage: Stage
) -> None:
    spec = app("a", stop_exit_codes=[0, 3])
    async with stage(spec, a=Program(lifetime=1, code=3)) as (tree, backend):
        await trio.sleep(100)
        assert (tree["a"].state, len(backend.processes)) == ("exited", 1)
        assert str(tree["a"].reason) == "finished (exited with code 3, one of its stop_exit_codes)"
        assert "supervisor_report" not in kinds_of(tree, "/")


async def test_an_end_before_min_uptime_is_a_failure(
    autojump_clock: MockClock, stage: Stage
) -> None:
    spec = app("a", restart="transient", min_uptime=5, give_up_after=2)
    async with stage(spec, a=Program(lifetime=1)) as (tree, _):
        await trio.sleep(100)
        assert (tree["a"].state, tree["a"].restarts) == ("failed", 2)
        assert str(tree["a"].reason) == (
            "crashed (exited with code 0 after 1 s, before its min_uptime of 5 s)"
        )


async def test_a_run_shorter_than_min_uptime_is_not_stable(
    autojump_clock: MockClock, stage: Stage
) -> None:
    backoff = Backoff(initial=0, reset_after=1)
    spec = app("a", min_uptime=5, give_up_after=2, backoff=backoff)
    async with stage(spec, a=Program(lifetime=2, code=1)) as (tree, _):
        await trio.sleep(100)
        assert tree["a"].state == "failed"


async def test_max_restarts_counts_at_any_age(autojump_clock: MockClock, stage: Stage) -> None:
    spec = app("a", max_restarts=2, within=100, backoff=Backoff(initial=0, reset_after=1))
    async with stage(spec, app("b", "forever"), a=Program(lifetime=40, code=1)) as (tree, _):
        await trio.sleep(1000)
        assert (tree["a"].state, tree["b"].state) == ("failed", "running")
        (failed,) = [it for it in tree.latest_events if isinstance(it, ev.ChildFailed)]
        assert (failed.restarts, failed.within) == (2, 100)
    async with stage(app("a", max_restarts=2, within=70), a=Program(lifetime=40)) as (tree, _):
        await trio.sleep(1000)
        assert tree["a"].restarts > 20


async def test_keep_trying_goes_on_at_the_maximum(autojump_clock: MockClock, stage: Stage) -> None:
    backoff = Backoff(initial=1, maximum=50, jitter="none")  # type: ignore[arg-type]
    spec = app("a", give_up_after=1, exhausted="keep_trying", backoff=backoff)
    async with stage(spec, a=Program(lifetime=1, code=1)) as (tree, _):
        await trio.sleep(1000)
        told = [it for it in tree.latest_events if isinstance(it, ev.RestartScheduled)]
        assert [(it.delay, it.exhausted) for it in told[:3]] == [(1, False), (50, True), (50, True)]
        assert tree["a"].state in ("backoff", "running")


async def test_shut_down_ends_the_tree_from_any_depth(
    autojump_clock: MockClock, stage: Stage
) -> None:
    spec = app("a", give_up_after=1, exhausted="shut_down")
    deep = Supervisor("x", [Supervisor("y", [spec], restart="temporary")])
    with pytest.raises(TreeEnded) as caught:
        async with stage(deep, app("b", "forever"), a=Program(lifetime=1, code=7)):
            await trio.sleep(1000)
    assert str(caught.value) == (
        "r has ended with a, which has no restarts left: crashed (exited with code 7)"
    )
    assert (caught.value.exit_code, trio.current_time()) == (7, 2)


async def test_the_end_of_an_essential_app_ends_the_tree(
    autojump_clock: MockClock, stage: Stage
) -> None:
    job = app("job", restart="transient", essential=True)
    deep = Supervisor("x", [Supervisor("y", [app("c", "forever"), job], strategy="rest_for_one")])
    async with stage(app("b", "forever"), deep, job=Program(lifetime=5)) as (tree, backend):
        reason = await tree.wait()
        assert reason.kind is ExitKind.ESCALATED
        assert reason.status is not None
        assert (reason.status.code, trio.current_time()) == (0, 5)
        await nothing_lives(backend)
        (last,) = [it for it in tree.latest_events if isinstance(it, ev.TreeStopped)]
        assert [event.kind for event in tree.chain(last)][-4:] == [
            "supervisor_auto_shutdown",
            "child_exited",
            "supervisor_auto_shutdown",
            "tree_stopped",
        ]


async def test_an_essential_app_that_crashes_for_good_raises(
    autojump_clock: MockClock, stage: Stage
) -> None:
    with pytest.raises(TreeEnded, match="job, which is essential: crashed"):
        async with stage(
            app("job", restart="temporary", essential=True), job=Program(lifetime=5, signal=11)
        ):
            await trio.sleep(1000)


async def test_stopping_an_essential_app_ends_nothing(
    autojump_clock: MockClock, stage: Stage
) -> None:
    async with stage(app("a", "forever", essential=True), app("b", "forever")) as (tree, _):
        await tree["a"].stop()
        await tree["a"].restart()
        await tree["a"].stop()
        await trio.sleep(100)
        assert [row.state for row in tree.status()] == ["stopped", "running"]


async def test_an_essential_worker_ends_the_tree(autojump_clock: MockClock, stage: Stage) -> None:
    async def work() -> None:
        await trio.sleep(3)

    async with stage(Worker("w", work, restart="transient", essential=True)) as (tree, _):
        assert (await tree.wait()).kind is ExitKind.ESCALATED


# Starts that fail.

RETRY = {"start_failures": "retry"}


async def test_one_that_does_not_start_does_not_keep_the_others_down(
    autojump_clock: MockClock, stage: Stage
) -> None:
    scripts: dict[str, Script] = {"db": [MISSING, MISSING, Program()], "api": Program()}
    children = [app("db", backoff=SLOW), app("api", depends_on=["db"]), app("cron", "forever")]
    async with stage(*children, options=RETRY, **scripts) as (tree, _):
        assert [row.state for row in tree.status()] == ["backoff", "waiting", "running"]
        (held,) = [it for it in tree.latest_events if isinstance(it, ev.ChildHeld)]
        assert (held.address, held.needs) == ("/api", ("/db",))
        await trio.sleep(15)
        assert [row.state for row in tree.status()] == ["backoff", "waiting", "running"]
        await trio.sleep(10)
        assert [row.state for row in tree.status()] == ["running"] * 3
        assert tree["db"].restarts == 2


async def test_what_is_waited_for_is_told(autojump_clock: MockClock, stage: Stage) -> None:
    scripts: dict[str, Script] = {
        "migrate": [Program(lifetime=5, code=1), Program(lifetime=5)],
        "seed": Program(lifetime=2, code=3),
        "api": Program(),
    }
    children = [
        app("migrate", restart="temporary"),
        app("seed", restart="temporary"),
        app("api", depends_on={"migrate": "completed", "seed": "ended"}),
    ]
    async with stage(*children, options=RETRY, **scripts) as (tree, _):
        assert [*tree["api"].status.waits_for] == [
            "migrate to complete (running)",
            "seed to end (running)",
        ]
        await trio.sleep(10)
        assert [*tree["api"].status.waits_for] == ["migrate to complete (exited with code 1)"]
        held = [it for it in tree.latest_events if isinstance(it, ev.ChildHeld)]
        assert [(it.awaits, it.failed) for it in held] == [
            (("/migrate", "/seed"), ()),
            ((), ("/migrate",)),
        ]
        await tree["migrate"].start()
        await trio.sleep(10)
        assert (tree["api"].state, [*tree["api"].status.waits_for]) == ("running", [])


async def test_an_added_child_that_does_not_start_is_kept(
    autojump_clock: MockClock, stage: Stage
) -> None:
    async with stage(options=RETRY, a=[MISSING, Program()]) as (tree, _):
        handle = await tree.supervisor().start_child(app("a", backoff=SLOW))
        assert handle is not None
        assert (handle.state, str(handle.reason and handle.reason.kind)) == (
            "backoff",
            "start_failed",
        )
        await trio.sleep(11)
        assert handle.state == "running"


async def test_a_supervisor_that_cannot_start_its_children_is_up_all_the_same(
    autojump_clock: MockClock,
    stage: Stage,
) -> None:
    inner = Supervisor("s", [app("a", "missing", backoff=SLOW)], start_failures="retry")
    async with stage(inner, missing=MISSING) as (tree, _):
        assert [row.state for row in tree.status()] == ["running", "backoff"]
        with pytest.raises(InvalidState, match="stopped"):
            await tree["s/a"].start()  # its restart is due


async def test_a_stop_of_the_tree_does_not_wait_for_those_who_cannot_start(
    autojump_clock: MockClock, stage: Stage
) -> None:
    children = [app("a", "missing", backoff=SLOW), app("b", depends_on=["a"])]
    async with stage(*children, options=RETRY, missing=MISSING):
        pass
    assert trio.current_time() == 0


# A stop by force.

DEAF = Program(deaf_to=frozenset({signal.SIGTERM}))


async def called_off(request: Callable[..., Any], *args: Any) -> None:
    with pytest.raises(InvalidState, match="left alone while it starts"):
        await request(*args)


async def test_a_forced_stop_asks_nobody(autojump_clock: MockClock, stage: Stage) -> None:
    async with stage(app("a"), a=DEAF) as (tree, backend):
        with trio.fail_after(1):
            await tree["a"].stop(force=True)
        (process,) = backend.processes
        assert process.signals == [signal.SIGKILL]
        assert (tree["a"].state, tree["a"].restarts) == ("stopped", 0)
        assert kinds_of(tree, "/a")[-2:] == ["child_stopping", "child_exited"]
        await tree["a"].start()
        assert tree["a"].state == "running"


async def test_what_cannot_be_ended_is_told(autojump_clock: MockClock, stage: Stage) -> None:
    stuck = Program(deaf_to=frozenset({signal.SIGTERM}), stuck_for=600)
    web = Supervisor("web", [app("b", stop=Stop(grace=2, force=3))])
    async with stage(app("a", stop=Stop(grace=2, force=3)), web, a=stuck, b=stuck) as (tree, _):
        with pytest.raises(TerminateFailed, match="/a cannot be ended: SIGKILL has not"):
            await tree["a"].stop()
        assert trio.current_time() == 5
        assert (tree["a"].state, str(tree["a"].reason)) == (
            "stopped",
            "killed (SIGKILL has not ended it in 3 s)",
        )
        with pytest.raises(TerminateFailed, match="/web cannot be ended"):
            await tree["web"].stop(force=True)
        assert trio.current_time() == 8
        await tree["web"].delete()  # who has been told may go on
        await trio.sleep(1000)
        await tree["a"].start()
        with pytest.raises(TerminateFailed):
            await tree["a"].stop(force=True)


async def test_a_forced_stop_overtakes_one_in_order(
    autojump_clock: MockClock, stage: Stage
) -> None:
    async with (
        stage(app("a", stop=Stop(grace=1000)), a=DEAF) as (tree, _),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(tree["a"].stop)
        await trio.sleep(5)
        assert tree["a"].state == "stopping"
        with trio.fail_after(1):
            await tree["a"].stop(force=True)
        assert tree["a"].state == "stopped"


async def test_a_forced_stop_overtakes_a_restart(autojump_clock: MockClock, stage: Stage) -> None:
    async with (
        stage(app("a", stop=Stop(grace=1000)), a=DEAF) as (tree, backend),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(tree["a"].restart)
        await trio.sleep(5)
        with trio.fail_after(1):
            await tree["a"].stop(force=True)
        assert tree["a"].state == "stopped"
        assert all(it.signals[-1] == signal.SIGKILL for it in backend.processes)


async def test_a_forced_stop_waits_for_nobody_who_starts(
    autojump_clock: MockClock, stage: Stage
) -> None:
    slow = app("b", "forever", ready=Delay(1000))
    async with (
        stage(app("a"), options={"start_failures": "retry"}, a=DEAF) as (tree, _),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(called_off, tree.supervisor().start_child, slow)
        await trio.sleep(5)
        with trio.fail_after(1):
            await tree["a"].stop(force=True)
        assert tree["a"].state == "stopped"
        await tree["b"].stop()


async def test_a_supervisor_is_ended_by_force_with_all_below(
    autojump_clock: MockClock, stage: Stage
) -> None:
    web = Supervisor("web", [app("a"), app("b")])
    async with stage(web, a=DEAF, b=DEAF) as (tree, backend):
        with trio.fail_after(1):
            await tree["web"].stop(force=True)
        assert tree["web"].state == "stopped"
        assert [it.signals for it in backend.processes] == [[signal.SIGKILL]] * 2
