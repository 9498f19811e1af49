"""How an end is reported: once, truthfully, in order, and to everybody who waits."""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trio

from supctl.backends.base import Exited, Gone

if TYPE_CHECKING:
    from tests.contracts.conftest import Notices, Real, World

MakeNotices = Callable[[], "Notices"]

DEADLY = ["ABRT", "ALRM", "BUS", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "SYS",
          "TERM", "TRAP", "USR1", "USR2", "XCPU", "XFSZ", "RTMIN", "RTMAX"]  # fmt: skip


async def test_waiting_twice_gives_the_same_end(world: World) -> None:
    process = await world.backend.spawn(world.exits_with(3))
    status = await process.wait()
    assert status.code == 3
    assert await process.wait() is status
    await process.wait_gone()
    await process.wait_gone()


@pytest.mark.parametrize("code", [0, 1, 2, 127, 128, 137, 255])
async def test_every_code_is_reported_as_a_code(world: World, code: int) -> None:
    status = await (await world.backend.spawn(world.exits_with(code))).wait()
    assert (status.code, status.signal) == (code, None)
    assert status.is_success == (code == 0)


async def test_every_death_by_signal_is_reported_as_that_signal(world: World) -> None:
    for name in DEADLY:
        number = getattr(signals, f"SIG{name}")
        status = await (await world.backend.spawn(world.killed_by(number))).wait()
        assert (status.signal, status.code) == (number, None), name
        assert not status.is_success
        assert not status.out_of_memory


async def test_exited_comes_before_gone_and_each_comes_once(
    world: World, notices: MakeNotices
) -> None:
    heard = notices()
    process = await world.backend.spawn(world.exits_with(7), heard)
    await heard.first(Gone)
    assert heard.all == [Exited(await process.wait()), Gone()]


async def test_no_notice_comes_before_spawn_has_returned(world: World) -> None:
    returned = False
    early: list[object] = []

    def listen(notice: object) -> None:
        if not returned:
            early.append(notice)

    process = await world.backend.spawn(world.exits_with(0), listen)
    returned = True
    await process.wait_gone()
    assert early == []


async def test_cancelling_a_wait_is_harmless(world: World) -> None:
    process = await world.backend.spawn(world.runs_forever())
    for wait in (process.wait, process.wait_gone):
        with trio.CancelScope() as scope:
            scope.cancel()
            await wait()
        assert scope.cancelled_caught
    process.kill()
    assert (await process.wait()).signal == signals.SIGKILL
    await process.wait_gone()


async def test_everybody_who_waits_is_told(world: World) -> None:
    process = await world.backend.spawn(world.exits_with(5))
    codes = []

    async def wait() -> None:
        codes.append((await process.wait()).code)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(wait)
    assert codes == [5, 5, 5]


async def test_two_hundred_ends_at_once_are_all_reported(
    world: World, notices: MakeNotices
) -> None:
    expected = [number % 256 for number in range(200)]
    heard = [notices() for _ in expected]

    async def run(place: int) -> None:
        spec = replace(world.exits_with(expected[place]), stdout=False, stderr=False)
        await world.backend.spawn(spec, heard[place])

    async with trio.open_nursery() as nursery:
        for place in range(200):
            nursery.start_soon(run, place)
    for one in heard:
        await one.first(Gone)
    assert [one.kinds for one in heard] == [[Exited, Gone]] * 200
    assert [(await one.first(Exited)).status.code for one in heard] == expected


async def test_what_was_printed_just_before_the_end_is_in_the_pipe(world: World) -> None:
    process = await world.backend.spawn(world.prints(b"x"))
    await process.wait_gone()
    assert await world.output(process) == b"x"


@pytest.mark.parametrize("kind", ["real"])
async def test_half_a_line_before_sigkill_is_in_the_pipe(world: Real) -> None:
    process = await world.backend.spawn(world.python("half_line"))
    assert (await process.wait()).signal == signals.SIGKILL
    assert await world.output(process) == b"x"


@pytest.mark.parametrize("kind", ["real"])
async def test_a_flood_arrives_whole(world: Real) -> None:
    process = await world.backend.spawn(world.python("flood", 20_000))
    told = (await world.output(process)).split()
    assert (await process.wait()).is_success
    assert list(map(int, told)) == list(range(20_000))


async def test_taken_output_is_the_takers(world: World) -> None:
    process = await world.backend.spawn(world.prints(b"x"))
    stdout, stderr = process.take_output()
    assert process.take_output() == (None, None)
    assert stdout is not None
    assert stderr is not None
    await process.wait_gone()
    assert os.read(stdout, 10) == b"x"
    for fd in (stdout, stderr):
        assert os.read(fd, 10) == b""
        os.close(fd)


async def test_unwanted_output_has_no_pipe(world: World) -> None:
    spec = replace(world.prints(b"x"), stdout=False, stderr=False)
    process = await world.backend.spawn(spec)
    assert process.take_output() == (None, None)
    assert (await process.wait()).is_success


async def test_the_facts_of_living_processes_and_none_of_dead_ones(world: World) -> None:
    process = await world.backend.spawn(world.with_child(escapes=False, deaf=False, stays=True))
    other = await world.backend.spawn(world.runs_forever())
    await world.line(process)
    facts = world.backend.info([process.pid, other.pid])
    assert facts.keys() == {process.pid, other.pid}
    info = facts[process.pid]
    assert info.pid == process.pid
    assert info.command
    assert info.threads == 1
    assert set(info.descendants) == world.living() - {process.pid, other.pid}
    assert len(info.descendants) == 1
    assert facts[other.pid].descendants == ()
    process.kill()
    await process.wait_gone()
    assert world.backend.info([process.pid, other.pid]).keys() == {other.pid}


async def test_what_a_whole_tree_of_processes_uses(world: World) -> None:
    process = await world.backend.spawn(world.with_child(escapes=True, deaf=False, stays=True))
    other = await world.backend.spawn(world.runs_forever())
    await world.line(process)
    used = world.backend.usage([process.pid, other.pid])
    assert used[process.pid].processes == 2
    assert used[other.pid].processes == 1
    assert min(used[process.pid].cpu_time, used[process.pid].memory) >= 0
    process.kill()
    await process.wait_gone()
    assert world.backend.usage([process.pid, other.pid]).keys() == {other.pid}


async def test_a_signal_to_all_reaches_those_that_have_left_the_group(world: World) -> None:
    process = await world.backend.spawn(world.with_child(escapes=True, deaf=False, stays=True))
    other = await world.backend.spawn(world.runs_forever())
    await world.line(process)
    process.signal_all(signals.SIGTERM)
    await process.wait_gone()
    process.signal_all(signals.SIGTERM)  # nobody is left
    assert world.living() == {other.pid}


async def test_usage_is_told_with_the_end(world: World) -> None:
    process = await world.backend.spawn(world.exits_with(0))
    status = await process.wait()
    assert status.wall_time >= 0
    assert status.cpu_time >= 0
    assert status.peak_memory >= 0
