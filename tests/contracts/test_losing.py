"""Losing the reaper: everything it held is ended and accounted for, and the next start works."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from supctl.backends.base import Exited, Gone, Left, Lost

if TYPE_CHECKING:
    from tests.contracts.conftest import Notices, World

MakeNotices = Callable[[], "Notices"]


async def test_what_it_held_is_told_as_lost_and_gone(world: World, notices: MakeNotices) -> None:
    heard = notices()
    process = await world.backend.spawn(world.runs_forever(), heard)
    await world.line(process)
    world.lose_reaper()
    await heard.first(Gone)
    assert heard.kinds == [Lost, Gone]
    assert (await process.wait()).is_unknown
    await process.wait_gone()
    assert process.pid not in world.living()


async def test_children_that_escaped_are_ended_too(world: World, notices: MakeNotices) -> None:
    heard = notices()
    spec = world.with_child(escapes=True, deaf=False, stays=True)
    process = await world.backend.spawn(spec, heard)
    await world.line(process)
    family = world.living()
    assert len(family) == 2
    world.lose_reaper()
    await heard.first(Gone)
    assert heard.kinds == [Lost, Gone]
    assert family.isdisjoint(world.living())
    # The tests are a subreaper, as a supctl that is PID 1 of a container is the one to reap.
    assert family.isdisjoint(world.zombies())


async def test_an_end_that_was_told_stays_the_end(world: World, notices: MakeNotices) -> None:
    heard = notices()
    spec = world.with_child(escapes=True, deaf=False, stays=False)
    process = await world.backend.spawn(spec, heard)
    left = await heard.first(Left)
    world.lose_reaper()
    await heard.first(Gone)
    assert heard.kinds == [Exited, Left, Gone]
    assert (await process.wait()).is_success
    assert set(left.pids).isdisjoint(world.living())


async def test_a_new_reaper_holds_the_next(world: World, notices: MakeNotices) -> None:
    heard = notices()
    await world.backend.spawn(world.runs_forever(), heard)
    world.lose_reaper()
    await heard.first(Gone)
    process = await world.backend.spawn(world.exits_with(6))
    assert (await process.wait()).code == 6


async def test_signalling_what_is_lost_does_nothing(world: World, notices: MakeNotices) -> None:
    heard = notices()
    process = await world.backend.spawn(world.runs_forever(), heard)
    world.lose_reaper()
    await heard.first(Gone)
    process.signal(15)
    process.kill()
    assert heard.kinds == [Lost, Gone]
