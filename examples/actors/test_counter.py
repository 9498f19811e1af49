"""One test for both ways in which a counter can live. Run it with pytest."""

from __future__ import annotations

import os

import pytest
import trio
from counter import Counter, tree_of  # type: ignore[import-not-found]

from supctl import Ref, open_tree


@pytest.mark.parametrize("isolation", ["task", "process"])
def test_counter(isolation: str) -> None:
    async def use() -> None:
        async with open_tree(tree_of(isolation)) as tree:
            counter: Ref[Counter] = tree["counter"].ref
            assert await counter.add(2) == 2
            assert await counter.add(3) == 5
            assert [n async for n in counter.countdown()] == [5, 4, 3, 2, 1]
            with pytest.raises(ValueError, match="only counts up"):
                await counter.add(-1)
            assert await counter.add(0) == 5
            assert (await counter.pid() == os.getpid()) is (isolation == "task")

    trio.run(use)
