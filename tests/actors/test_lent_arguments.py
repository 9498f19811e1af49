"""Async iterables as arguments, wherever the actor lives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

from supctl import Supervisor, Tree, Worker
from supctl.actors.call import PATIENCE
from supctl.errors import ActorDied, ActorTimeout, CannotEncode, LoanOver
from tests.actors.elsewhere import Counter, Reader, apart, appears

Open = Callable[..., AbstractAsyncContextManager[Tree]]


class Lines:
    """Yields numbers, and tells how it was left."""

    def __init__(self) -> None:
        self.made = 0
        self.is_closed = False

    async def upto(self, count: int) -> AsyncIterator[int]:
        try:
            for number in range(count):
                self.made = number + 1
                yield number
        finally:
            self.is_closed = True

    async def silent(self) -> AsyncIterator[int]:
        try:
            await trio.sleep_forever()
            yield 1
        finally:
            self.is_closed = True

    async def failing(self) -> AsyncIterator[int]:
        yield 1
        raise ValueError("the pen broke")


@pytest.fixture(params=["task", "process"])
async def reader(request: pytest.FixtureRequest, open_workers: Open) -> AsyncIterator[Any]:
    async with open_workers(Worker("a", Reader, isolation=request.param)) as tree:
        yield tree["a"].ref


async def test_a_method_reads_what_it_is_lent(reader: Any) -> None:
    lines = Lines()
    assert await reader.ingest(lines.upto(300)) == list(range(300))
    assert await reader.ingest_all(lines=lines.upto(3)) == [0, 1, 2]
    assert await reader.call("ingest", lines.upto(2), timeout=60) == [0, 1]


async def test_a_stream_reads_what_it_is_lent(reader: Any) -> None:
    async def words() -> AsyncIterator[str]:
        for word in ("no", "more", "tea"):
            yield word

    assert [word async for word in reader.upper(words())] == ["NO", "MORE", "TEA"]


async def test_what_it_raises_is_raised_in_the_method(reader: Any) -> None:
    assert await reader.take_care(Lines().failing()) == "caught: the pen broke"
    with pytest.raises(ValueError, match="the pen broke"):
        await reader.ingest(Lines().failing())


async def test_it_is_closed_when_the_method_has_enough(reader: Any) -> None:
    lines = Lines()
    assert await reader.ingest(lines.upto(10**9), 3) == [0, 1, 2]
    assert lines.is_closed
    assert lines.made < 200


async def test_it_is_closed_when_the_call_is_cancelled(reader: Any) -> None:
    lines = Lines()
    with trio.move_on_after(0.1):
        await reader.ingest(lines.silent())
    assert lines.is_closed
    with pytest.raises(ActorTimeout):
        await reader.call("ingest", lines.silent(), timeout=0.1)
    assert await reader.ingest(lines.upto(1)) == [0]


async def test_it_is_closed_when_the_method_is_never_begun(reader: Any) -> None:
    lent = Lines().upto(3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader.call, "ingest", Lines().silent())
        await trio.testing.wait_all_tasks_blocked(0.01)
        with trio.move_on_after(0.05):
            await reader.ingest(lent)
        nursery.cancel_scope.cancel()
    assert [line async for line in lent] == []
    with pytest.raises(LoanOver):
        await reader.ingest(lent)


async def test_what_is_refused_is_not_lent(reader: Any) -> None:
    lines = Lines().upto(3)
    with pytest.raises(TypeError, match="ingest"):
        await reader.ingest(lines, 1, 2)
    assert [line async for line in lines] == [0, 1, 2]


async def test_it_can_be_read_only_until_the_call_is_over(reader: Any) -> None:
    lines = Lines()
    await reader.keep(lines.upto(3))
    with pytest.raises(LoanOver, match="until the call is over"):
        await reader.read_kept()


async def test_a_cast_lends_nothing(reader: Any) -> None:
    lines = Lines().upto(3)
    with pytest.raises(
        CannotEncode, match=r"args\[0\], of type async_generator, .* call instead of casting"
    ):
        reader.cast("keep", lines)
    with pytest.raises(CannotEncode, match=r'kwargs\["lines"\], of type async_generator'):
        reader.cast("keep", lines=lines)
    assert [line async for line in lines] == [0, 1, 2]


# From process to process.


@pytest.mark.parametrize("isolation", ["task", "process"])
async def test_a_stream_of_one_actor_is_read_by_another(
    open_workers: Open, isolation: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    async with open_workers(Worker("a", Reader, isolation=isolation), apart("b", Counter)) as tree:
        a, b = tree["a"].ref, tree["b"].ref
        assert await a.ingest(b.ticks(100)) == list(range(100))
        assert await a.ingest(b.endless(str(mark)), 3) == [0, 0, 0]
        await appears(mark)


async def test_it_goes_by_the_process_above(open_workers: Open) -> None:
    async with open_workers(apart("a", Reader), apart("b", Reader)) as tree:
        a, b, lines = tree["a"].ref, tree["b"].ref, Lines()
        assert await a.lend_to(b, "ingest") == list(range(1000))
        assert await a.lend_to(b, "ingest", 3) == [0, 1, 2]
        assert await a.closed() == ["closed"]
        assert await a.hand_on(b, lines.upto(500)) == list(range(500))
        assert lines.is_closed


async def test_it_goes_through_a_process_with_a_subtree(open_workers: Open) -> None:
    deep = Supervisor("s", [Worker("c", Reader), apart("d", Reader)], isolation="process")
    async with open_workers(apart("a", Reader), deep) as tree:
        a, c, d, lines = tree["a"].ref, tree["s/c"].ref, tree["s/d"].ref, Lines()
        for lender, reader in ((a, d), (d, a), (c, d), (d, c), (c, a)):
            assert await lender.lend_to(reader, "ingest", 100) == list(range(100))
            assert await lender.closed() == ["closed"]
        assert await d.hand_on(c, lines.upto(100)) == list(range(100))
        assert lines.is_closed


async def test_the_death_of_the_reader_closes_it(open_workers: Open) -> None:
    async with open_workers(apart("a", Reader), apart("b", Reader)) as tree:
        a, lines = tree["a"].ref, Lines()
        with pytest.raises(ActorDied):
            await a.lend_to(tree["b"].ref, "die_of")
        assert await a.closed() == ["closed"]
        with pytest.raises(ActorDied):
            await a.die_of(lines.upto(10**9))
        assert lines.is_closed


async def test_the_death_of_the_lender_cancels_the_method(
    open_workers: Open, tmp_path: Path
) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    async with open_workers(apart("a", Reader), apart("b", Reader)) as tree:
        a, b = tree["a"].ref, tree["b"].ref
        async with trio.open_nursery() as nursery:

            async def lend() -> None:
                with pytest.raises(ActorDied):
                    await a.lend_to(b, "linger", str(began), str(ended))

            nursery.start_soon(lend)
            await appears(began)
            tree["a"].signal(9)
        await appears(ended)
        assert await b.ingest(Lines().upto(1)) == [0]


async def test_cancelling_reaches_both_ends(open_workers: Open, tmp_path: Path) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    async with open_workers(apart("a", Reader), apart("b", Reader)) as tree:
        a, b = tree["a"].ref, tree["b"].ref
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.lend_to, b, "linger", str(began), str(ended))
            await appears(began)
            nursery.cancel_scope.cancel()
        assert ended.exists()
        assert await a.closed() == ["closed"]


# Within a process.


async def test_who_does_not_heed_a_cancel_is_not_waited_for(open_workers: Open) -> None:
    let_go = trio.Event()
    left: list[str] = []

    async def stubborn() -> AsyncIterator[int]:
        try:
            with trio.CancelScope(shield=True):
                await let_go.wait()
            yield 1
        finally:
            left.append("closed")

    async with open_workers(Worker("a", Reader)) as tree:
        began_at = trio.current_time()
        with pytest.raises(ActorTimeout):
            await tree["a"].ref.call("ingest", stubborn(), timeout=0.01)
        assert PATIENCE <= trio.current_time() - began_at < 10 * PATIENCE
        assert not left
        let_go.set()
        assert await tree["a"].ref.ingest(Lines().upto(1)) == [0]
        assert left == ["closed"]


async def test_what_is_no_generator_is_handed_over_as_it_is(open_workers: Open) -> None:
    send, receive = trio.open_memory_channel[int](1)
    async with open_workers(Worker("a", Reader)) as tree, send, receive:
        await tree["a"].ref.keep(receive)
        await send.send(7)
        assert await tree["a"].ref.call("ingest", receive, 1) == [7]
