"""Actors in processes of their own: the border is not to be noticed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

from supctl import Tree, Worker
from supctl import events as ev
from supctl.errors import ActorDied, ActorTimeout, NameTaken, StartFailed
from tests.actors.elsewhere import (
    Counter,
    Cruncher,
    Failing,
    Unneeded,
    Villain,
    apart,
    appears,
    crunch,
)

Open = Callable[..., AbstractAsyncContextManager[Tree]]


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
async def test_calls_cross_the_border(open_workers: Open, start_method: str) -> None:
    async with open_workers(apart("a", Counter, 40), start_method=start_method) as tree:
        counter = tree["a"].ref
        assert await counter.add(2) == 42
        assert await counter.call("add", n=1) == 43
        counter.cast("add", 7)
        assert await counter.add(0) == 50
        assert await counter.pid() == tree["a"].pid != os.getpid()
        assert await counter.threads() == 1


@pytest.mark.parametrize("isolation", ["task", "process"])
async def test_one_word_says_where_an_actor_lives(open_workers: Open, isolation: str) -> None:
    async with open_workers(Worker("a", Counter, isolation=isolation)) as tree:
        counter = tree["a"].ref
        assert [await counter.add(n) for n in (1, 2, 3)] == [1, 3, 6]
        assert [tick async for tick in counter.ticks(200)] == list(range(200))
        with pytest.raises(LookupError, match="no such thing"):
            await counter.fail()
        with pytest.raises(TypeError, match=r"Counter\.add"):
            await counter.add(1, 2)
        assert await counter.add(0) == 6


@pytest.mark.parametrize(
    "value",
    [
        None, -1, 2**200, 1.5, "ä", b"\x00\xff", (1, (2, 3)), [1, [2]], {"a": {1: 2}}, {1, 2},
        frozenset({"x"}), Decimal("1.10"), datetime(2026, 1, 2, tzinfo=UTC), Path("/tmp/x"),
        bytes(2_000_000),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
async def test_values_come_back_as_they_were(open_workers: Open, value: Any) -> None:
    async with open_workers(apart("a", Counter)) as tree:
        back = await tree["a"].ref.echo(value)
        assert (type(back), back) == (type(value), value)


async def test_references_lead_home_from_everywhere(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter), apart("b", Counter), Worker("t", Counter)) as tree:
        a, b, t = (tree[name].ref for name in "abt")
        assert await a.add_to(b, 5) == 5  # from one process to the other, through ours
        assert await a.add_to(t, 6) == 6  # from there to here
        assert await t.add_to(a, 7) == 7  # from here to there
        assert await b.me() == b
        assert await a.echo(b) == b
        assert await a.echo(t) == t
        assert (await a.me()).address == "/a"


async def test_cancelling_reaches_the_method(open_workers: Open, tmp_path: Path) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    async with open_workers(apart("a", Counter)) as tree:
        counter = tree["a"].ref
        async with trio.open_nursery() as nursery:
            nursery.start_soon(counter.call, "sleep", str(began), str(ended))
            await appears(began)
            nursery.cancel_scope.cancel()
        assert ended.exists()  # the call has waited for the end of the method
        assert await counter.add(1) == 1


async def test_a_deadline_reaches_the_method(open_workers: Open, tmp_path: Path) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    async with open_workers(apart("a", Counter)) as tree:
        counter = tree["a"].ref
        with pytest.raises(ActorTimeout, match=r"/a did not answer sleep within 0\.2 s"):
            await counter.call("sleep", str(began), str(ended), timeout=0.2)
        assert await counter.add(1) == 1
        assert ended.exists()


async def test_a_stream_that_is_left_ends_over_there(open_workers: Open, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with open_workers(apart("a", Counter)) as tree:
        counter = tree["a"].ref
        async with counter.stream("endless", str(mark)) as items:
            taken = 0
            async for _ in items:
                taken += 1
                if taken == 200:
                    break
        assert mark.read_text() == "left"
        assert await counter.add(1) == 1


async def test_a_failing_init_is_a_start_that_failed(open_workers: Open) -> None:
    with pytest.raises(StartFailed, match="/a did not start: RuntimeError: no database"):
        async with open_workers(apart("a", Failing)):
            pass


async def test_one_that_is_not_needed_leaves_no_process(open_workers: Open) -> None:
    async with open_workers(apart("a", Unneeded)) as tree:
        assert tree["a"].pid == 0
        assert [e.kind for e in tree.latest_events if e.address == "/a"] == ["child_ignored"]


async def test_stopping_is_in_order_and_leaves_nothing(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter)) as tree:
        process = psutil.Process(tree["a"].pid)
        await tree["a"].stop()
        assert str(tree["a"].reason) == "shutdown"
        assert not process.is_running()


async def test_ends_are_heard_of_across_the_border(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter), apart("b", Counter)) as tree:
        ref = tree["a"].ref
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                assert str(await ref.wait()) == "shutdown"

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await tree["a"].stop()


async def test_names_and_groups_are_those_of_the_tree(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter), apart("b", Counter), Worker("t", Counter)) as tree:
        a, b, t = (tree[name].ref for name in "abt")
        for number, ref in enumerate((a, b, t)):
            await ref.enlist(f"name{number}", "counters")
        assert await tree.registry.whereis("name0") == a
        assert await a.ask_for("name1") == b
        assert await b.ask_for("name2") == t
        assert await a.ask_for("nobody") is None
        assert set(await tree.registry.members("counters")) == {a, b, t}
        with pytest.raises(NameTaken, match="/b"):
            await a.enlist("name1", "counters")
        await tree["b"].stop()
        await a.add(1)  # what the end of another leads to has been done by then
        assert await tree.registry.whereis("name1") is None
        assert set(await tree.registry.members("counters")) == {a, t}


async def test_what_blocks_runs_in_a_thread_and_its_process_answers(open_workers: Open) -> None:
    worker = apart("a", Cruncher, blocking=True, hung_after=0.8)
    async with open_workers(worker) as tree:
        cruncher = tree["a"].ref
        assert await cruncher.crunch(1.5) is False
        assert await cruncher.hello() == "hello"
        with pytest.raises(LookupError, match="from a thread"):
            await cruncher.fail()
        with pytest.raises(TypeError, match="crunch"):
            await cruncher.crunch()
        assert tree["a"].restarts == 0


async def test_without_blocking_it_counts_as_hung(open_workers: Open) -> None:
    async with open_workers(apart("a", Villain, hung_after=0.8)) as tree:
        with pytest.raises(ActorDied, match=r"killed \(it hangs: no sign of life within"):
            await tree["a"].ref.hold(1000)


async def test_a_plain_function_is_a_worker(open_workers: Open, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    worker = Worker(
        "job", crunch, str(mark), isolation="process", blocking=True, restart="transient"
    )
    async with open_workers(worker) as tree:
        with tree.subscribe() as subscription:
            async for event in subscription:
                if isinstance(event, ev.ChildExited):
                    assert str(event.reason) == "normal"
                    break
        assert mark.read_text() == "crunched"


async def test_output_goes_to_the_logs(open_workers: Open, tmp_path: Path) -> None:
    with pytest.raises(StartFailed):
        async with open_workers(apart("a", Failing)):
            pass
    assert "no database" in (tmp_path / "logs" / "a.err.log").read_text()
