"""Python code in processes of its own: forked by a zygote, or in fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from ast import literal_eval
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

from supctl.backends.base import Backend, Exited, Gone, Notice, Process, PythonSpec
from supctl.backends.platform import open_backend
from supctl.backends.simulated import SimulatedBackend
from supctl.errors import PlatformNotSupported, SpawnFailed
from supctl.exits import ExitStatus

METHODS = ["fork", "spawn"]


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with open_backend() as backend:
        yield backend


class Talk:
    """A process that was started, and the pipes to it."""

    def __init__(self, process: Process, pipes: tuple[int, ...]) -> None:
        self.process, self.pipes = process, pipes

    async def read(self) -> str:
        await trio.lowlevel.wait_readable(self.pipes[0])
        return os.read(self.pipes[0], 65536).decode()

    async def output(self) -> list[str]:
        await self.process.wait_gone()
        outputs = [fd for fd in self.process.take_output() if fd is not None]
        said = [os.read(fd, 65536).decode() for fd in outputs]
        for fd in outputs:
            os.close(fd)
        return said


@asynccontextmanager
async def running(backend: Backend, entry: str, **options: Any) -> AsyncIterator[Talk]:
    spec = PythonSpec(f"tests.backends.entries:{entry}", **options)
    process, pipes = await backend.spawn_python(spec)
    try:
        yield Talk(process, pipes)
    finally:
        for fd in pipes:
            os.close(fd)


@pytest.mark.parametrize("method", METHODS)
async def test_it_talks_and_ends_with_us(backend: Backend, method: str) -> None:
    async with running(backend, "echo", start_method=method) as echo:
        os.write(echo.pipes[1], b"hello")
        assert await echo.read() == "hello"
    assert (await echo.process.wait()).code == 0


@pytest.mark.parametrize("method", METHODS)
async def test_a_program_finds_itself_clean(backend: Backend, method: str) -> None:
    told = []
    for _ in range(2):
        async with running(backend, "tell", start_method=method) as child:
            told.append(literal_eval(await child.read()))
    for leads, fds, has_handler, has_no_mask, threads, _, read_fd, write_fd in told:
        assert fds == sorted([0, 1, 2, read_fd, write_fd])
        assert (leads, has_handler, has_no_mask, threads) == (True, True, True, 1)
    assert told[0][5] != told[1][5]


@pytest.mark.parametrize("method", METHODS)
async def test_a_traceback_goes_to_its_stderr(backend: Backend, method: str) -> None:
    async with running(backend, "crash", start_method=method) as child:
        assert (await child.process.wait()).code == 1
        stdout, stderr = await child.output()
    assert stdout == "to stdout\n"
    assert stderr.endswith("ValueError: no luck\n")


@pytest.mark.parametrize("method", METHODS)
async def test_sys_exit_is_its_status(backend: Backend, method: str) -> None:
    async with running(backend, "leave", start_method=method) as child:
        assert (await child.process.wait()).code == 7


async def test_notices_come_as_for_every_program(backend: Backend) -> None:
    heard: list[Notice] = []
    spec = PythonSpec("tests.backends.entries:leave")
    process, pipes = await backend.spawn_python(spec, heard.append)
    await process.wait_gone()
    for fd in pipes:
        os.close(fd)
    assert [type(notice) for notice in heard] == [Exited, Gone]
    assert isinstance(heard[0], Exited)
    assert heard[0].status.cpu_time is not None


def held_by(pid: int) -> set[int]:
    """Return the inodes of what a process has open."""
    return {fd.stat().st_ino for fd in Path(f"/proc/{pid}/fd").iterdir()}


@pytest.mark.parametrize("method", METHODS)
async def test_what_is_kept_has_its_pipes_and_its_socket_held(
    backend: Backend, method: str
) -> None:
    options = {"start_method": method, "with_socket": True, "kept": "/a print"}
    async with running(backend, "wait_for_eof", **options) as child:
        assert child.process.token
        outputs = child.process.stdout, child.process.stderr
        ours = [os.fstat(fd).st_ino for fd in (*outputs, child.pipes[2]) if fd is not None]
        assert set(ours) <= held_by(backend.reaper_pid)
    await child.output()


async def test_what_it_leaves_behind_is_ended(backend: Backend) -> None:
    async with running(backend, "beget") as child:
        stray = psutil.Process(int(await child.read()))
    assert await child.process.wait() == ExitStatus(code=0, **_measured(child.process))
    child.process.kill()
    await child.process.wait_gone()
    assert psutil.wait_procs([stray], timeout=5) == ([stray], [])


def _measured(process: Process) -> dict[str, Any]:
    status = process.status  # type: ignore[attr-defined]
    return {name: getattr(status, name) for name in ("wall_time", "cpu_time", "peak_memory")}


async def test_many_at_once(backend: Backend) -> None:
    pids = set()

    async def one() -> None:
        async with running(backend, "echo") as echo:
            os.write(echo.pipes[1], b"x")
            assert await echo.read() == "x"
            pids.add(echo.process.pid)
        await echo.process.wait_gone()

    async with trio.open_nursery() as nursery:
        for _ in range(60):
            nursery.start_soon(one)
    assert len(pids) == 60


async def test_a_zygote_that_dies_takes_nobody_with_it(backend: Backend) -> None:
    async with running(backend, "echo") as echo:
        zygote = backend._pythons._zygote.process  # type: ignore[attr-defined]
        zygote.kill()
        await zygote.wait_gone()
        os.write(echo.pipes[1], b"still here")
        assert await echo.read() == "still here"
        async with running(backend, "echo") as another:
            os.write(another.pipes[1], b"me too")
            assert await another.read() == "me too"
        assert backend._pythons._zygote.process is not zygote  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", METHODS)
async def test_what_cannot_be_imported_is_told_and_can_be_mended(
    backend: Backend, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / f"mended_{method}.py"
    module.write_text("1 / 0\n")
    with pytest.raises(SpawnFailed, match="ZeroDivisionError") as caught:
        async with running(backend, "echo", start_method=method, preload=(module.stem,)):
            pass
    assert caught.value.stage == "import"
    module.write_text("")
    async with running(backend, "echo", start_method=method, preload=(module.stem,)):
        pass


async def test_cancelling_leaves_nothing(backend: Backend) -> None:
    with trio.move_on_after(0.05):
        while True:
            async with running(backend, "echo"):
                pass
    async with running(backend, "echo") as echo:
        os.write(echo.pipes[1], b"x")
        assert await echo.read() == "x"


async def test_leaving_the_backend_ends_them() -> None:
    async with open_backend() as backend:
        process, pipes = await backend.spawn_python(PythonSpec("tests.backends.entries:echo"))
    assert not psutil.pid_exists(process.pid)
    for fd in pipes:
        os.close(fd)


SCRIPT = """
import os
import trio
from supctl.backends.base import PythonSpec
from supctl.backends.platform import open_backend

ANSWER = 42

async def main():
    async with open_backend() as backend:
        spec = PythonSpec(
            "tests.backends.entries:name_of_main", needs_script=True, start_method="{method}"
        )
        process, pipes = await backend.spawn_python(spec)
        await process.wait()
        print(os.read(pipes[0], 100).decode())

if __name__ == "__main__":
    trio.run(main)
"""


@pytest.mark.parametrize("method", METHODS)
def test_a_script_is_imported_under_another_name(tmp_path: Path, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(method=method))
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root}:{root / 'src'}"}
    done = subprocess.run(
        [sys.executable, script], env=env, capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("__mp_main__ 42\n", "")


async def test_a_simulated_world_runs_no_python(autojump_clock: trio.testing.MockClock) -> None:
    async with SimulatedBackend() as backend:
        with pytest.raises(PlatformNotSupported, match="simulated"):
            await backend.spawn_python(PythonSpec("tests.backends.entries:echo"))
