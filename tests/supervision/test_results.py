"""Results: all come, in their places, and no more is under way than may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count

import pytest
import trio
import trio.lowlevel
from hypothesis import example, given
from hypothesis import strategies as st
from trio.testing import MockClock

from supctl.actors.chunk import Outcome
from supctl.supervision.results import QUICK, Line, Results

FEWEST, MOST, ROOM = 2, 5, 6

seconds = st.sampled_from([0.0, QUICK / 2, QUICK * 2, 1.0])


@given(
    st.lists(seconds, max_size=40),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from([ROOM, None]),
    st.booleans(),
)
@example([1.0] * 9, 1, False, None, False)
def test_every_item_has_its_result(
    delays: list[float], chunk: int, ordered: bool, room: int | None, at_once: bool
) -> None:
    busy = peak = begun = 0

    async def work(items: Sequence[tuple[int, float]]) -> Outcome:
        nonlocal busy, peak, begun
        busy, begun = busy + 1, begun + 1
        peak = max(peak, busy)
        await trio.sleep(sum(delay for _, delay in items))
        busy -= 1
        return [number for number, _ in items], None

    async def read() -> list[int]:
        items = list(enumerate(delays))
        line = Line(work, items, chunk, hands=(FEWEST, MOST), room=room, ordered=ordered)
        async with Results(line) as results:
            if at_once:
                return await results.read_all()
            seen = []
            async for number in results:
                seen.append(number)
                assert room is None or begun <= room + math.ceil(len(seen) / chunk)
            return seen

    seen = trio.run(read, clock=MockClock(autojump_threshold=0))
    assert sorted(seen) == list(range(len(delays)))
    assert seen == sorted(seen) or not ordered
    assert peak <= MOST
    assert begun == math.ceil(len(delays) / chunk)
    if delays and all(delay == 1.0 for delay in delays):
        assert peak <= FEWEST


@given(st.integers(0, 30), st.integers(1, 5), st.booleans())
def test_an_error_is_raised_once_and_ends_it(bad: int, chunk: int, ordered: bool) -> None:
    async def work(items: Sequence[int]) -> Outcome:
        await trio.lowlevel.checkpoint()
        if bad in items:
            return list(items[: items.index(bad)]), LookupError(bad)
        return list(items), None

    async def read() -> None:
        line = Line(work, count(), chunk, hands=(FEWEST, MOST), room=ROOM, ordered=ordered)
        results, seen = Results(line), list[int]()

        async def read_on() -> None:
            while True:
                seen.append(await anext(results))

        with pytest.raises(LookupError):
            await read_on()
        assert bad not in seen
        assert seen == list(range(bad)) or not ordered
        assert [it async for it in results] == []
        assert line.is_over.is_set()

    trio.run(read, clock=MockClock(autojump_threshold=0))


async def test_what_nobody_reads_does_not_begin() -> None:
    async def work(items: Sequence[int]) -> Outcome:
        raise AssertionError("nobody has asked")

    results = Results(Line(work, count(), 1, hands=(1, 1), room=1, ordered=True))
    await trio.testing.wait_all_tasks_blocked()
    await results.aclose()
