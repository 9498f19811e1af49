"""What only the simulation promises: virtual time, scripts, records and faults."""

from __future__ import annotations

import errno
import os
import signal as signals
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from supctl.backends.base import Exited, Gone, Left, Lost, Notice, Process, ProcessSpec
from supctl.backends.simulated import (
    SIMULATED,
    Child,
    Program,
    SimulatedBackend,
    SimulatedProcess,
)
from supctl.errors import InvalidConfig, ReaperLost, SpawnFailed
from supctl.exits import ExitStatus

pytestmark = pytest.mark.simulated

WEB = ProcessSpec(("web",))


@pytest.fixture
async def backend(autojump_clock: MockClock) -> AsyncIterator[SimulatedBackend]:
    async with SimulatedBackend({"web": Program()}) as backend:
        yield backend


async def stop(process: Process, grace: float) -> None:
    process.signal(signals.SIGTERM)
    with trio.move_on_after(grace):
        await process.wait_gone()
        return
    process.kill()
    await process.wait_gone()


async def test_a_lifetime_is_exact(autojump_clock: MockClock, backend: SimulatedBackend) -> None:
    backend.programs["web"] = Program(lifetime=3600.0, code=3)
    process = await backend.spawn(WEB)
    assert await process.wait() == ExitStatus(code=3, wall_time=3600.0)
    assert trio.current_time() == 3600.0


async def test_deaf_app_is_killed_when_its_grace_ends(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = Program(deaf_to=frozenset({signals.SIGTERM}))
    process, asked_at = await backend.spawn(WEB), trio.current_time()
    await stop(process, grace=5.0)
    assert trio.current_time() - asked_at == 5.0
    assert backend.processes[0].signals == [signals.SIGTERM, signals.SIGKILL]


@pytest.mark.parametrize(
    ("stop_code", "status"),
    [(None, ExitStatus(signal=15, wall_time=2.0)), (0, ExitStatus(code=0, wall_time=2.0))],
)
async def test_a_stop_takes_its_delay(
    autojump_clock: MockClock,
    backend: SimulatedBackend,
    stop_code: int | None,
    status: ExitStatus,
) -> None:
    backend.programs["web"] = Program(stop_delay=2.0, stop_code=stop_code)
    process = await backend.spawn(WEB)
    await stop(process, grace=5.0)
    assert await process.wait() == status
    assert trio.current_time() == 2.0


@pytest.mark.parametrize("number", [signals.SIGCHLD, signals.SIGWINCH, signals.SIGCONT])
async def test_signals_that_end_nothing_end_nothing(
    autojump_clock: MockClock, backend: SimulatedBackend, number: int
) -> None:
    process = await backend.spawn(WEB)
    process.signal(number)
    process.kill()
    assert (await process.wait()).signal == signals.SIGKILL


async def test_out_of_memory_is_told(autojump_clock: MockClock, backend: SimulatedBackend) -> None:
    backend.programs["web"] = Program(lifetime=1.0, out_of_memory=True)
    status = await (await backend.spawn(WEB)).wait()
    assert (status.signal, status.out_of_memory) == (signals.SIGKILL, True)


async def test_a_sequence_is_run_in_order_and_its_last_repeats(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = [Program(lifetime=1.0, code=code) for code in (1, 2, 3)]
    codes = [(await (await backend.spawn(WEB)).wait()).code for _ in range(5)]
    assert codes == [1, 2, 3, 3, 3]


async def test_a_function_is_asked_with_the_number_of_the_attempt(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = lambda attempt: Program(lifetime=0.0, code=10 + attempt)
    codes = [(await (await backend.spawn(WEB)).wait()).code for _ in range(3)]
    assert codes == [10, 11, 12]


async def test_a_start_that_fails_takes_its_delay_and_counts(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    failing = Program(start_delay=2.0, fails_to_start=errno.EAGAIN, failed_stage="system")
    backend.programs["web"] = [failing, Program(lifetime=0.0)]
    with pytest.raises(SpawnFailed) as caught:
        await backend.spawn(WEB)
    assert (caught.value.program, caught.value.stage) == ("web", "system")
    assert trio.current_time() == 2.0
    assert (await (await backend.spawn(WEB)).wait()).is_success
    assert backend.spawned == [WEB, WEB]


async def test_an_unknown_command_does_not_exist(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    with pytest.raises(SpawnFailed) as caught:
        await backend.spawn(ProcessSpec(("nothing",)))
    assert (caught.value.stage, caught.value.errno) == ("program", errno.ENOENT)


async def test_a_start_cancelled_on_its_way_leaves_nothing(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = Program(start_delay=2.0)
    with trio.move_on_after(1.0) as scope:
        await backend.spawn(WEB)
    assert scope.cancelled_caught
    assert backend.processes == []


async def test_children_are_told_as_they_go(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    children = (Child(lifetime=1.0), Child(lifetime=3.0, escapes=True), Child(lifetime=4.0))
    backend.programs["web"] = Program(lifetime=2.0, children=children)
    heard: list[tuple[float, Notice]] = []
    process = await backend.spawn(WEB, lambda notice: heard.append((trio.current_time(), notice)))
    first = process.pid + 1
    await process.wait_gone()
    assert heard == [
        (2.0, Exited(ExitStatus(code=0, wall_time=2.0))),
        (2.0, Left((first + 1, first + 2))),
        (3.0, Left((first + 2,))),
        (4.0, Gone()),
    ]


async def test_ends_of_one_instant_are_told_in_order_of_pids(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    """However trio shuffles the tasks that started them: a rehearsal must be replayable."""
    backend.programs["web"] = Program(lifetime=1.0)
    heard: list[int] = []

    async def run() -> None:
        process = await backend.spawn(WEB, lambda notice: heard.append(process.pid))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(run)
    for process in backend.processes:
        await process.wait_gone()
    assert heard == sorted(heard)
    assert len(set(heard)) == 20


async def test_output_comes_when_the_script_says_through_a_real_pipe(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = Program(lifetime=9.0, output=((1.0, b"one\n"), (5.0, b"two")))
    stdout, stderr = (await backend.spawn(WEB)).take_output()
    assert stdout is not None
    assert stderr is not None
    async with trio.lowlevel.FdStream(stdout) as out, trio.lowlevel.FdStream(stderr) as err:
        heard = [(trio.current_time(), bytes(chunk)) async for chunk in out]
        assert trio.current_time() == 9.0
        assert await err.receive_some() == b""
    assert heard == [(1.0, b"one\n"), (5.0, b"two")]


async def test_output_that_nobody_reads_holds_nothing_up(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    block = b"x" * 4096
    backend.programs["web"] = Program(lifetime=1.0, output=tuple((0.0, block) for _ in range(50)))
    process = await backend.spawn(WEB)
    await process.wait_gone()
    assert trio.current_time() == 1.0
    assert process.stdout is not None
    assert os.read(process.stdout, 1 << 20).strip(b"x") == b""


async def test_output_after_its_reader_has_gone_is_dropped(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = Program(lifetime=2.0, output=((1.0, b"x"),))
    process = await backend.spawn(WEB)
    for fd in process.take_output():
        assert fd is not None
        os.close(fd)
    assert (await process.wait()).is_success


async def test_quiet_programs_take_no_descriptors(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    assert (await backend.spawn(WEB)).take_output() == (None, None)


async def test_an_accident_ends_it(autojump_clock: MockClock, backend: SimulatedBackend) -> None:
    process = await backend.spawn(WEB)
    assert isinstance(process, SimulatedProcess)
    process.end(ExitStatus(signal=signals.SIGSEGV))
    assert (await process.wait()).signal == signals.SIGSEGV
    assert process.signals == []


async def test_signals_after_the_end_are_not_recorded(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = Program(lifetime=0.0)
    process = await backend.spawn(WEB)
    await process.wait_gone()
    process.signal(signals.SIGTERM)
    process.kill()
    assert backend.processes[0].signals == []


async def test_losing_the_reaper_is_told_once_and_starts_on_their_way_fail(
    autojump_clock: MockClock,
) -> None:
    restarted: list[tuple[str, int]] = []
    heard: list[Notice] = []
    programs = {"web": Program(), "slow": Program(start_delay=5.0)}
    async with SimulatedBackend(
        programs, on_reaper_restarted=lambda detail, pid, kept: restarted.append((detail, pid))
    ) as backend:
        old = backend.reaper_pid
        await backend.spawn(WEB, heard.append)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect_reaper_lost, backend, ProcessSpec(("slow",)))
            await trio.sleep(1.0)
            backend.lose_reaper("killed")
        await backend.processes[0].wait_gone()
        assert trio.current_time() == 1.0
        assert restarted == [("killed", backend.reaper_pid)]
        assert backend.reaper_pid != old
    assert heard == [Lost("killed"), Gone()]


async def expect_reaper_lost(backend: SimulatedBackend, spec: ProcessSpec) -> None:
    with pytest.raises(ReaperLost):
        await backend.spawn(spec)


async def test_a_backend_that_is_not_open_starts_nothing(autojump_clock: MockClock) -> None:
    backend = SimulatedBackend({"web": Program()})
    await expect_reaper_lost(backend, WEB)
    async with backend:
        pass
    await expect_reaper_lost(backend, WEB)
    assert backend.processes == []


async def test_limits_without_a_controller_are_told(autojump_clock: MockClock) -> None:
    spec = ProcessSpec(("web",), memory=1 << 20, cpu=0.5)
    async with SimulatedBackend({"web": Program()}) as backend:
        assert (await backend.spawn(spec)).unenforced == ()
    poor = replace(SIMULATED, cgroup_reason="read-only", controllers=frozenset({"cpu"}))
    async with SimulatedBackend({"web": Program()}, poor) as backend:
        (told,) = (await backend.spawn(spec)).unenforced
    assert "memory" in told
    assert "read-only" in told


async def test_the_facts_of_a_process_with_a_child(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = Program(lifetime=5.0, children=(Child(),))
    await trio.sleep(2.0)
    process = await backend.spawn(WEB)
    info = backend.info([process.pid])[process.pid]
    assert (info.started_at_wall, info.command) == (2.0, ("web",))
    assert info.descendants == (process.pid + 1,)
    await process.wait()
    assert backend.info([process.pid]) == {}  # its child lives, itself does not


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("lifetime", {"lifetime": -1.0}),
        ("lifetime", {"lifetime": float("nan")}),
        ("stop_delay", {"stop_delay": -0.1}),
        ("start_delay", {"start_delay": float("inf")}),
        ("deaf_to", {"deaf_to": frozenset({signals.SIGKILL})}),
        ("output", {"output": ((-1.0, b""),)}),
        ("output", {"output": ((0.0, b"x" * 4097),)}),
    ],
)
def test_scripts_that_cannot_be_are_refused(field: str, what: dict[str, object]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        Program(**what)  # type: ignore[arg-type]
    assert caught.value.field == field


async def test_it_works_under_the_real_clock() -> None:
    async with SimulatedBackend({"web": Program(lifetime=0.01, code=2)}) as backend:
        assert (await (await backend.spawn(WEB)).wait()).code == 2
