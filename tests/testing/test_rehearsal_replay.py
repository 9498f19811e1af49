"""Replaying: that the switch in trio that it leans on does what it should."""

from __future__ import annotations

import pytest
import trio
from trio._core import _run as scheduler

from supctl.errors import PlatformNotSupported
from supctl.testing.rehearsal.replay import run_replayable


async def race() -> list[int]:
    """Return the order in which tasks come that may all come in one instant."""
    order: list[int] = []

    async def runner(number: int) -> None:
        await trio.sleep(3600.0)
        order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(runner, number)
    return order


def test_one_seed_gives_one_order_and_another_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", False)  # hypothesis had it on
    orders = [run_replayable(race, seed) for seed in (7, 7, 8)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(20))


def test_it_leaves_trio_as_it_was() -> None:
    def state() -> object:
        return scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()

    before = state()
    run_replayable(race, 7)
    assert state() == before

    async def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is only carried through
        run_replayable(fail, 7)
    assert state() == before


def test_a_trio_without_the_switch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(scheduler, "_r")
    with pytest.raises(PlatformNotSupported, match=trio.__version__):
        run_replayable(race, 7)
