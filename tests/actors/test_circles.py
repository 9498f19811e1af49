"""Circles of calls from process to process: refused at once, where the circle closes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from supctl import Supervisor, Tree, Worker
from supctl.errors import CircularCall
from tests.actors.elsewhere import Messenger, apart, appears

Open = Callable[..., AbstractAsyncContextManager[Tree]]


@pytest.fixture
async def refs(open_workers: Open) -> AsyncIterator[dict[str, Any]]:
    """Two actors in processes of their own, a and b, two here, t and u, and below a process two
    levels deep: c in it, and d with one of its own."""
    workers = [apart("a", Messenger), apart("b", Messenger)]
    deep = Supervisor("s", [Worker("c", Messenger), apart("d", Messenger)], isolation="process")
    async with open_workers(*workers, deep, Worker("t", Messenger), Worker("u", Messenger)) as tree:
        yield {name: tree[f"s/{name}" if name in "cd" else name].ref for name in "abtucd"}


ROUTES = (
    *("aba", "tat", "ata", "taut", "abta", "tabt", "baub", "abtub"),
    *("tct", "ctc", "cdc", "dcd", "adta", "tdcat", "dad"),
)


@pytest.mark.parametrize("names", ROUTES)
async def test_a_call_that_comes_back_is_refused(refs: dict[str, Any], names: str) -> None:
    first, *route = (refs[name] for name in names)
    with pytest.raises(CircularCall) as caught:
        await first.carry(route)
    circle = names[names.index(names[-1]) : -1]
    assert caught.value.circle == tuple(refs[name].address for name in circle)
    assert caught.value.method == "carry"
    assert await first.carry(route[:-1]) == refs[names[-2]].address


@pytest.mark.parametrize("names", ["aba", "tat", "taut", "tdct"])
async def test_so_is_a_stream(refs: dict[str, Any], names: str) -> None:
    first, *route = (refs[name] for name in names)
    with pytest.raises(CircularCall):
        await first.collect(route)
    assert await first.collect(route[:-1]) == [refs[name].address for name in names[-2:0:-1]]


async def test_who_does_not_wait_is_in_no_circle(refs: dict[str, Any], tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    await refs["a"].carry_by_itself([refs["b"], refs["a"]], str(mark))
    await appears(mark)
    assert await refs["a"].carry([]) == "/a"
