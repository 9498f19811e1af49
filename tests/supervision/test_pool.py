"""Pools: work is spread over members, and what is lost with one is told or done again."""

# ruff: noqa: ASYNC110, ASYNC240 -- members in other processes tell by files what they do

from __future__ import annotations

import math
import os
import signal
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from supctl import Backoff, Pool, Supervisor, idempotent, open_tree
from supctl.errors import (
    ActorTimeout,
    InvalidConfig,
    InvalidState,
    Lost,
    UnknownMethod,
    Unsupported,
)
from supctl.specs import Jitter
from supctl.supervision.pool import FAR_AHEAD, PoolHandle
from supctl.supervision.results import Results
from tests.supervision import pooled
from tests.supervision.pooled import Desk

Open = Callable[..., AbstractAsyncContextManager[PoolHandle]]


@pytest.fixture
def open_pool(tmp_path: Path) -> Open:
    """Open a tree that is a pool of two."""

    @asynccontextmanager
    async def opened(actor: Any, *args: Any, **options: Any) -> AsyncIterator[PoolHandle]:
        spec = Pool("desks", actor, *args, **{"size": 2, **options})
        async with open_tree(spec, log_directory=tmp_path / "logs") as tree:
            yield tree.pool("/")

    return opened


async def files(folder: Path, pattern: str, count: int = 1) -> list[int]:
    """Wait for so many files, and return the numbers that end their names."""
    while len(found := list(folder.glob(pattern))) < count:
        await trio.sleep(0.001)
    return sorted(int(path.name.rpartition("-")[2]) for path in found)


async def read(results: Results, seen: list[Any]) -> None:
    """Read to the end, or to an error."""
    async for it in results:
        seen.append(it)  # noqa: PERF401 -- what came before an error counts


both = pytest.mark.parametrize("isolation", ["task", "process"])


@both
async def test_calls_go_to_members(open_pool: Open, isolation: str) -> None:
    async with open_pool(Desk, isolation=isolation) as pool:
        assert await pool.call("square", 7) == 49
        assert await pool.call(Desk.square, n=8) == 64
        pids = {await pool.call("pid") for _ in range(4)}
        assert len(pids) == (2 if isolation == "process" else 1)
        assert (os.getpid() in pids) is (isolation == "task")
        assert pool.load() == {"1": 0, "2": 0}


@both
@pytest.mark.parametrize("function", [pooled.square, pooled.square_later])
@pytest.mark.parametrize("ordered", [True, False])
async def test_functions_are_members_too(
    open_pool: Open, isolation: str, function: Any, ordered: bool
) -> None:
    async with open_pool(function, isolation=isolation) as pool:
        assert await pool.call(function, 7) == 49
        assert await pool.call(function.__name__, n=8) == 64
        expected = [n * n for n in range(50)]
        assert await pool.map(function, range(50)) == expected
        results = [it async for it in pool.imap(function, range(50), chunk=3, ordered=ordered)]
        assert sorted(results) == expected
        assert results == expected or not ordered


@both
async def test_a_function_may_have_arguments_of_the_pool(open_pool: Open, isolation: str) -> None:
    async with open_pool(pooled.power, 2, isolation=isolation) as pool:
        assert await pool.map("power", [1, 2, 10]) == [2, 4, 1024]


async def test_methods_may_block_and_members_hang(open_pool: Open) -> None:
    async with open_pool(pooled.Press, blocking=True, hung_after=1.0) as pool:
        assert await pool.call("square", 7) == 49
        assert await pool.map("square", range(9)) == [n * n for n in range(9)]
        with pytest.raises(Lost, match=r"hang was lost with /[12]: killed"):
            await pool.call("hang")
        assert await pool.call("square", 7) == 49


async def test_the_least_loaded_member_gets_the_work(open_pool: Open, tmp_path: Path) -> None:
    async with open_pool(Desk) as pool, trio.open_nursery() as nursery:
        nursery.start_soon(pool.call, "hold", str(tmp_path))
        [busy] = await files(tmp_path, "held-*")
        assert sorted(pool.load().values()) == [0, 1]
        assert busy not in {await pool.call("pid") for _ in range(5)}
        (tmp_path / "leave").touch()


@both
@pytest.mark.parametrize("chunk", [None, 1, 3, 100])
async def test_map_keeps_the_order(open_pool: Open, isolation: str, chunk: int | None) -> None:
    async with open_pool(Desk, isolation=isolation) as pool:
        assert await pool.map("square", range(40), chunk=chunk) == [n * n for n in range(40)]
        assert await pool.map("square", iter(range(5)), chunk=chunk) == [0, 1, 4, 9, 16]
        assert await pool.map("square", [], chunk=chunk) == []
        seen = [await pool.call("describe") for _ in range(2)]
        assert [sorted(it) for it in seen] == [["seen"]] * 2
        assert sum(int(it["seen"]) for it in seen) == 45


async def test_results_come_as_soon_as_they_are_there_if_order_is_none(
    open_pool: Open, tmp_path: Path
) -> None:
    async with open_pool(Desk) as pool:
        (tmp_path / "free").mkdir()
        (tmp_path / "free" / "leave").touch()
        items = [(str(tmp_path), 0), (str(tmp_path / "free"), 1), (str(tmp_path / "free"), 2)]
        async with pool.imap("hold_item", items, ordered=False) as results:
            assert await anext(results) == 1
            (tmp_path / "leave").touch()
            assert sorted([it async for it in results]) == [0, 2]


@pytest.mark.parametrize("is_async", [False, True])
async def test_items_are_taken_only_as_results_are(open_pool: Open, is_async: bool) -> None:
    taken = 0

    def count() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    async def count_async() -> AsyncGenerator[int, None]:
        for n in count():
            yield n

    async with open_pool(Desk, isolation="task") as pool:
        room = FAR_AHEAD * 2 * 5
        seen = 0
        source = count_async()
        async with (
            aclosing(source),
            pool.imap("square", source if is_async else count(), chunk=5) as results,
        ):
            async for square in results:
                seen += 1
                assert square == seen * seen
                await trio.testing.wait_all_tasks_blocked()
                assert seen <= taken <= seen + room
                if seen == 50:
                    break
        await trio.testing.wait_all_tasks_blocked()
        assert taken <= 50 + room


async def test_a_slow_source_does_not_hold_back_results(open_pool: Open) -> None:
    send, receive = trio.open_memory_channel[int](0)
    async with open_pool(Desk) as pool, pool.imap("square", receive) as results:
        for n in range(20):
            await send.send(n)
            with trio.fail_after(10):
                assert await anext(results) == n * n
        await send.aclose()
        assert [it async for it in results] == []


@both
@pytest.mark.parametrize("chunk", [1, 2, 10])
async def test_an_error_comes_in_the_place_of_its_item(
    open_pool: Open, isolation: str, chunk: int
) -> None:
    async with open_pool(pooled.refuse_three, isolation=isolation) as pool:
        seen: list[int] = []
        results = pool.imap("refuse_three", range(10), chunk=chunk)
        with pytest.raises(ValueError, match="three it is not"):
            await read(results, seen)
        assert seen == [0, 1, 2]
        assert [it async for it in results] == []
        with pytest.raises(ValueError, match="three it is not"):
            await pool.map("refuse_three", range(10), chunk=chunk)
        assert await pool.map("refuse_three", range(3), chunk=chunk) == [0, 1, 2]
        assert set(pool.load().values()) == {0}


async def test_an_error_of_the_source_comes_after_the_results_before(open_pool: Open) -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("the third is gone")

    async with open_pool(Desk, isolation="task") as pool:
        seen: list[int] = []
        with pytest.raises(LookupError, match="the third is gone"):
            await read(pool.imap("square", source()), seen)
        assert seen == [1, 4]


async def test_leaving_cancels_what_is_under_way(open_pool: Open, tmp_path: Path) -> None:
    async with open_pool(Desk) as pool:
        items = [(str(tmp_path), n) for n in range(20)]

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, pool.imap("hold_item", items), [])
            pids = await files(tmp_path, "item*", 2)
            nursery.cancel_scope.cancel()
        with trio.fail_after(10):
            assert await files(tmp_path, "cancelled-*", 2) == pids
        assert await pool.call("square", 2) == 4


async def test_break_cancels_what_is_under_way(open_pool: Open, tmp_path: Path) -> None:
    async with open_pool(Desk) as pool:
        (tmp_path / "free").mkdir()
        (tmp_path / "free" / "leave").touch()
        items = [(str(tmp_path / "free"), 0), (str(tmp_path), 1), (str(tmp_path), 2)]
        async for it in pool.imap("hold_item", items):
            assert it == 0
            await files(tmp_path, "item*")
            break
        with trio.fail_after(10):
            assert await files(tmp_path, "cancelled-*")
            while set(pool.load().values()) != {0}:
                await trio.sleep(0.001)


async def test_cancelling_a_call_cancels_the_method(open_pool: Open, tmp_path: Path) -> None:
    async with open_pool(Desk) as pool:
        with pytest.raises(ActorTimeout) as late:
            await pool.call("hold", str(tmp_path), timeout=0.1)
        assert (late.value.method, late.value.seconds) == ("hold", 0.1)
        assert await files(tmp_path, "cancelled-*") == await files(tmp_path, "held-*")
        assert set(pool.load().values()) == {0}


async def test_a_call_is_lost_with_its_member(open_pool: Open, tmp_path: Path) -> None:
    async with open_pool(Desk) as pool:

        async def hold() -> None:
            with pytest.raises(Lost) as lost:
                await pool.call("hold", str(tmp_path), timeout=math.inf)
            assert lost.value.method == "hold"
            assert lost.value.actor in ("/1", "/2")
            assert lost.value.times == 1
            assert str(lost.value) == (
                f"hold was lost with {lost.value.actor}: crashed (killed by SIGKILL)"
            )

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold)
            [pid] = await files(tmp_path, "held-*")
            os.kill(pid, signal.SIGKILL)
        assert await pool.map("square", range(10)) == [n * n for n in range(10)]


@pytest.mark.parametrize("ordered", [True, False])
async def test_members_killed_in_the_midst_of_a_map_lose_it(
    open_pool: Open, tmp_path: Path, ordered: bool
) -> None:
    async with open_pool(Desk) as pool:
        items = [(str(tmp_path), n) for n in range(20)]

        async def fail() -> None:
            with pytest.raises(Lost, match=r"hold_item was lost with /[12]: crashed"):
                await read(pool.imap("hold_item", items, chunk=2, ordered=ordered), [])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            for pid in await files(tmp_path, "item*", 2):
                os.kill(pid, signal.SIGKILL)


async def test_an_idempotent_call_is_made_again(open_pool: Open, tmp_path: Path) -> None:
    async with open_pool(Desk) as pool:
        pids = []

        async def hold() -> None:
            pids.append(await pool.call(Desk.hold_again, str(tmp_path), timeout=math.inf))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold)
            [first] = await files(tmp_path, "held-*")
            os.kill(first, signal.SIGKILL)
            await files(tmp_path, "held-*", 2)
            (tmp_path / "leave").touch()
        assert pids != [first]


async def test_idempotent_items_survive_the_end_of_members(open_pool: Open, tmp_path: Path) -> None:
    folders = []
    for n in range(4):
        folders.append(str(tmp_path / str(n)))
        Path(folders[n]).mkdir()
    async with open_pool(pooled.survive_once, max_restarts=None) as pool:
        pids = [it async for it in pool.imap("survive_once", folders)]
        assert len(pids) == 4
        assert all(pids)


@pytest.mark.parametrize("ordered", [True, False])
async def test_nobody_notices_that_members_are_killed(open_pool: Open, ordered: bool) -> None:
    async with open_pool(Desk, max_restarts=None) as pool:
        results, kills = [], 0
        async for square in pool.imap("square_again", range(4000), chunk=5, ordered=ordered):
            results.append(square)
            if len(results) % 400 == 0:
                kills += 1
                os.kill(await pool.call("pid"), signal.SIGKILL)
        assert kills == 10
        assert sorted(results) == [n * n for n in range(4000)]
        assert results == sorted(results) or not ordered
        assert set(pool.load().values()) == {0}


async def test_a_call_that_ends_all_members_is_given_up(open_pool: Open, tmp_path: Path) -> None:
    async with open_pool(Desk) as pool:
        with pytest.raises(Lost) as lost:
            await pool.call("die_again", str(tmp_path))
        assert lost.value.times == 3
        assert ", the number 3 that it has ended: crashed" in str(lost.value)
        assert len(await files(tmp_path, "died-*", 3)) == 3
        assert await pool.call("square", 3) == 9


@pytest.mark.parametrize("place", ["tests.supervision.pooled:Desk", Desk])
async def test_the_mark_is_found_wherever_the_class_is_named(
    open_pool: Open, tmp_path: Path, place: Any
) -> None:
    async with open_pool(place) as pool:
        with pytest.raises(Lost) as lost:
            await pool.call("die")
        assert lost.value.times == 1
        with pytest.raises(Lost) as lost:
            await pool.call("die_again", str(tmp_path))
        assert lost.value.times == 3


async def test_calls_are_lost_with_members_that_are_tasks(open_pool: Open) -> None:
    async with open_pool(Desk, isolation="task", grace=0) as pool, trio.open_nursery() as nursery:

        async def finish() -> None:
            with pytest.raises(Lost, match="finish_now was lost with /1"):
                await pool.call("finish_now")

        nursery.start_soon(finish)
        await trio.testing.wait_all_tasks_blocked()
        member = pool._running()["1"].ref_of("1")
        assert member is not None
        await member.stop()
        assert await pool.call("square", 3) == 9


async def test_calls_wait_while_no_member_runs(tmp_path: Path) -> None:
    async with open_tree(Pool("desks", Desk, size=1), log_directory=tmp_path / "logs") as tree:
        pool = tree.pool("/")
        for _ in range(3):
            with pytest.raises(Lost):
                await pool.call("die")
            assert tree["1"].state != "running"
            assert await pool.call("square", 3) == 9
        await tree["1"].stop()
        with pytest.raises(InvalidState, match="without a member that runs"):
            await pool.call("square", 3)
        await tree["1"].start()
        assert await pool.call("square", 3) == 9


async def test_nobody_waits_longer_than_asked_for_a_member(tmp_path: Path) -> None:
    slow = Backoff(initial=60, maximum=60, jitter=Jitter.NONE)
    desks = Pool("desks", Desk, size=1, max_restarts=0, backoff=slow)
    spec = Supervisor("r", [desks], max_restarts=None)
    async with open_tree(spec, log_directory=tmp_path / "logs") as tree:
        pool = tree.pool("desks")
        with pytest.raises(Lost):
            await pool.call("die")
        with pytest.raises(ActorTimeout, match=r"/desks did not answer square within 0.05 s"):
            await pool.call("square", 3, timeout=0.05)


async def test_a_pool_that_gives_up_tells_who_waits(tmp_path: Path) -> None:
    desks = Pool("desks", Desk, size=1, max_restarts=0, restart="temporary")
    spec = Supervisor("r", [desks], max_restarts=None)
    async with open_tree(spec, log_directory=tmp_path / "logs") as tree:
        pool = tree.pool("desks")
        with pytest.raises(Lost):
            await pool.call("die")
        with pytest.raises(InvalidState):
            await pool.call("square", 3)


async def test_a_pool_outlives_its_restart(tmp_path: Path) -> None:
    desks = Pool("desks", Desk, size=1, max_restarts=0)
    spec = Supervisor("r", [desks], max_restarts=None)
    async with open_tree(spec, log_directory=tmp_path / "logs") as tree:
        pool = tree.pool("desks")
        with pytest.raises(Lost):
            await pool.call("die")
        assert await pool.call("square", 3) == 9
        assert tree.pool("desks") is pool
        assert tree["desks"].restarts == 1


async def test_what_cannot_work_is_refused(open_pool: Open) -> None:
    async with open_pool(Desk) as pool:
        with pytest.raises(UnknownMethod, match="did you mean 'square'"):
            await pool.call("sqare", 1)
        with pytest.raises(UnknownMethod, match="did you mean 'square'"):
            await pool.map("sqare", [1])
        with pytest.raises(TypeError, match="positional argument"):
            await pool.call("square")
        with pytest.raises(InvalidConfig, match="chunk is 0"):
            pool.imap("square", [1], chunk=0)
        with pytest.raises(TypeError, match="not iterable"):
            await pool.map("square", 5)  # type: ignore[arg-type]
    async with open_pool(pooled.square, isolation="task") as pool:
        with pytest.raises(UnknownMethod, match="its members call square, and nothing else"):
            await pool.call("cube", 1)


async def test_only_a_pool_is_one(tmp_path: Path) -> None:
    spec = Supervisor("r", [Supervisor("s", [])])
    async with open_tree(spec, log_directory=tmp_path / "logs") as tree:
        with pytest.raises(Unsupported, match="pool is not for /s, a supervisor"):
            tree.pool("s")


def test_the_spec_says_what_is_wrong() -> None:
    for options, field in (
        ({"size": 0}, "size"),
        ({"size": 10_001}, "size"),
        ({"strategy": "one_for_all"}, "strategy"),
        ({"isolation": "cluster"}, "isolation"),
        ({"grace": -1.0}, "grace"),
    ):
        with pytest.raises(InvalidConfig) as refused:
            Pool("p", Desk, **options)
        assert refused.value.field == field
    with pytest.raises(InvalidConfig, match="blocking is True; wanted an actor class with it"):
        Pool("p", pooled.square, blocking=True)
    with pytest.raises(InvalidConfig, match="top of a module"):
        Pool("p", lambda n: n)
    with pytest.raises(InvalidConfig, match="a function"):
        Pool("p", 5)  # type: ignore[arg-type]


def test_the_spec_is_data() -> None:
    pool = Pool("p", Desk, size=3)
    assert pool == Pool("p", Desk, size=3)
    assert [child.name for child in pool.children] == ["1", "2", "3"]
    assert pool.intensity.max_restarts == 9
    assert Pool("p", Desk).size == os.cpu_count()
    assert Counter([Pool("p", pooled.square), Pool("p", pooled.square)]).total() == 2


def test_marked_functions_work_as_before() -> None:
    @idempotent
    def double(n: int) -> int:
        return 2 * n

    assert double(2) == 4
