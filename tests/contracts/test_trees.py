"""Ending a whole tree, also what has left the process group or is born meanwhile."""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from supctl.backends.base import Exited, Gone, Left

if TYPE_CHECKING:
    from tests.contracts.conftest import Notices, Real, World

MakeNotices = Callable[[], "Notices"]

both_kinds_of_child = pytest.mark.parametrize("escapes", [False, True], ids=["group", "escaped"])


async def test_a_signal_reaches_the_program(world: World, notices: MakeNotices) -> None:
    heard = notices()
    process = await world.backend.spawn(world.runs_forever(), heard)
    await world.line(process)
    process.signal(signals.SIGTERM)
    assert (await process.wait()).signal == signals.SIGTERM
    await process.wait_gone()
    assert heard.kinds == [Exited, Gone]


async def test_what_ignores_sigterm_lives_until_it_is_killed(world: World) -> None:
    process = await world.backend.spawn(world.deaf_to(signals.SIGTERM))
    await world.line(process)
    process.signal(signals.SIGTERM)
    process.signal(signals.SIGTERM)
    # Signals to one process arrive in order: had SIGTERM ended it, the end would name it.
    process.kill()
    assert (await process.wait()).signal == signals.SIGKILL


async def test_a_signal_after_the_end_does_nothing(world: World, notices: MakeNotices) -> None:
    heard = notices()
    process = await world.backend.spawn(world.exits_with(0), heard)
    await process.wait_gone()
    process.signal(signals.SIGTERM)
    process.kill()
    other = await world.backend.spawn(world.exits_with(0))
    await other.wait_gone()
    assert heard.kinds == [Exited, Gone]


async def test_killing_twice_is_killing(world: World, notices: MakeNotices) -> None:
    heard = notices()
    process = await world.backend.spawn(world.runs_forever(), heard)
    process.kill()
    process.kill()
    await process.wait_gone()
    assert heard.kinds == [Exited, Gone]


@both_kinds_of_child
async def test_children_that_outlive_the_program_are_told_by_pid(
    world: World, notices: MakeNotices, escapes: bool
) -> None:
    heard = notices()
    spec = world.with_child(escapes=escapes, deaf=False, stays=False)
    process = await world.backend.spawn(spec, heard)
    assert (await process.wait()).is_success
    left = await heard.first(Left)
    assert set(left.pids) == world.living()
    assert process.pid not in left.pids
    assert Gone not in heard.kinds
    process.kill()
    await heard.first(Gone)
    assert heard.kinds == [Exited, Left, Gone]
    assert world.living() == set()


@both_kinds_of_child
async def test_a_signal_reaches_the_children_that_are_left(
    world: World, notices: MakeNotices, escapes: bool
) -> None:
    heard = notices()
    spec = world.with_child(escapes=escapes, deaf=False, stays=False)
    process = await world.backend.spawn(spec, heard)
    await heard.first(Left)
    process.signal(signals.SIGTERM)
    await heard.first(Gone)
    assert world.living() == set()


async def test_a_signal_reaches_the_whole_process_group(world: World) -> None:
    process = await world.backend.spawn(world.with_child(escapes=False, deaf=False, stays=True))
    await world.line(process)
    process.signal(signals.SIGTERM)
    await process.wait_gone()
    assert (await process.wait()).signal == signals.SIGTERM


@both_kinds_of_child
async def test_killing_ends_children_deaf_ones_too(
    world: World, notices: MakeNotices, escapes: bool
) -> None:
    heard = notices()
    spec = world.with_child(escapes=escapes, deaf=True, stays=True)
    process = await world.backend.spawn(spec, heard)
    await world.line(process)
    assert len(world.living()) == 2
    process.kill()
    await heard.first(Gone)
    assert heard.kinds[0] is Exited
    assert heard.kinds[-1] is Gone
    assert world.living() == set()


async def test_a_deaf_child_outlives_sigterm_but_not_a_kill(
    world: World, notices: MakeNotices
) -> None:
    heard = notices()
    spec = world.with_child(escapes=True, deaf=True, stays=True)
    process = await world.backend.spawn(spec, heard)
    await world.line(process)
    process.signal(signals.SIGTERM)
    left = await heard.first(Left)
    assert set(left.pids) == world.living()
    process.kill()
    await heard.first(Gone)
    assert world.living() == set()


async def test_a_child_born_during_the_stop_is_found(world: World, notices: MakeNotices) -> None:
    heard = notices()
    process = await world.backend.spawn(world.forks_on_term(), heard)
    await world.line(process)
    process.signal(signals.SIGTERM)
    left = await heard.first(Left)
    assert set(left.pids) == world.living()
    process.kill()
    await heard.first(Gone)
    assert world.living() == set()


@both_kinds_of_child
async def test_no_zombie_is_left(world: World, notices: MakeNotices, escapes: bool) -> None:
    heard = notices()
    spec = world.with_child(escapes=escapes, deaf=True, stays=True)
    process = await world.backend.spawn(spec, heard)
    await world.line(process)
    process.kill()
    await heard.first(Gone)
    # An orphan may end a moment after nothing lives; whoever reaps this one has reaped that.
    await (await world.backend.spawn(world.exits_with(0))).wait()
    assert world.zombies() == set()


async def test_leftovers_of_one_do_not_bother_the_other(world: World, notices: MakeNotices) -> None:
    heard = notices()
    other = await world.backend.spawn(world.runs_forever())
    spec = world.with_child(escapes=True, deaf=True, stays=False)
    process = await world.backend.spawn(spec, heard)
    await heard.first(Left)
    process.kill()
    await heard.first(Gone)
    assert world.living() == {other.pid}


async def test_a_pipe_held_by_a_child_does_not_delay_the_exit(world: World) -> None:
    process = await world.backend.spawn(world.with_child(escapes=True, deaf=False, stays=False))
    assert (await process.wait()).is_success
    await world.line(process)
    assert process.stdout is not None
    with pytest.raises(BlockingIOError):  # open, and empty
        os.read(process.stdout, 1)
    process.kill()
    assert await world.output(process) == b""


@pytest.mark.parametrize("kind", ["real"])
async def test_a_daemon_that_closed_everything_is_found(world: Real, notices: MakeNotices) -> None:
    heard = notices()
    process = await world.backend.spawn(world.python("double_fork", "escape", "quiet"), heard)
    pid = int(await world.line(process))
    assert (await heard.first(Left)).pids == (pid,)
    process.kill()
    await heard.first(Gone)
    assert world.living() == set()


@pytest.mark.parametrize("kind", ["real"])
async def test_processes_that_replace_each_other_are_ended(world: Real) -> None:
    with world.lifeline() as lifeline:
        spec = replace(world.python("hydra"), stdin=lifeline.write)
        process = await world.backend.spawn(spec)
        await world.line(process)
        process.kill()
        await process.wait_gone()
        await lifeline.broken()
    assert world.living() == set()
