"""Limits on real cgroups v2: that the kernel obeys, and that nothing is left of them.

Each test starts in a cgroup that is ours alone, like a service with ``Delegate=yes``; run
them with ``make test-vm``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from supctl.backends.base import Exited, Gone, Lost, Notice, Process, ProcessSpec
from supctl.backends.linux import LinuxBackend, probe
from supctl.errors import SpawnFailed
from supctl.exits import ExitKind, ExitReason

pytestmark = [
    pytest.mark.vm,
    pytest.mark.skipif(
        "VM_CGROUP" not in os.environ, reason="needs real cgroups v2; run `make test-vm`"
    ),
    pytest.mark.timeout(120),  # starting a process takes 30 times as long as elsewhere
]

MIB = 1 << 20
OWN = Path(os.environ.get("VM_CGROUP", "/nowhere"))


class Notices:
    """Collects what becomes of one process; pass it as ``notify``."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Notice](100)

    def __call__(self, notice: Notice) -> None:
        self._send.send_nowait(notice)

    async def wait_for(self, kind: type[Notice]) -> Notice:
        async for notice in self._receive:
            if isinstance(notice, kind):
                return notice
        raise AssertionError(f"no {kind.__name__} came")


@pytest.fixture
def program(programs: Path) -> Callable[..., tuple[str, ...]]:
    """Return the command that runs one of the small programs."""
    return lambda name, *words: (sys.executable, "-S", str(programs / f"{name}.py"), *words)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Whatever a test does, our cgroup is afterwards what it was before."""
    yield
    assert cgroups_below(OWN) == []
    assert (OWN / "cgroup.subtree_control").read_text().split() == []
    assert str(os.getpid()) in (OWN / "cgroup.procs").read_text().split()


def cgroups_below(cgroup: Path) -> list[str]:
    return sorted(str(path.relative_to(cgroup)) for path in cgroup.rglob("*") if path.is_dir())


def cgroup_of(pid: int) -> Path:
    return Path("/sys/fs/cgroup" + Path(f"/proc/{pid}/cgroup").read_text().strip()[len("0::") :])


async def read_line(process: Process) -> str:
    """Return the first line that a program prints; its output is closed then."""
    stdout, stderr = process.take_output()
    assert stdout is not None
    assert stderr is None
    async with trio.lowlevel.FdStream(stdout) as stream:
        line = b""
        while not line.endswith(b"\n"):
            line += await stream.receive_some() or b"\n"
    return line.decode().strip()


async def wait_end(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await trio.lowlevel.wait_readable(fd)
    finally:
        os.close(fd)


def silent(command: tuple[str, ...], **limits: float) -> ProcessSpec:
    return ProcessSpec(command, stdout=False, stderr=False, **limits)  # type: ignore[arg-type]


def test_a_delegated_cgroup_offers_everything() -> None:
    found = probe()
    assert (found.cgroup, found.cgroup_reason) == (str(OWN), "")
    assert found.controllers == {"memory", "cpu", "pids"}


async def test_a_hog_dies_alone_and_out_of_memory(program: Callable[..., tuple[str, ...]]) -> None:
    async with LinuxBackend(probe()) as backend:
        modest = program("eat_memory", "5")
        sibling = await backend.spawn(ProcessSpec(modest, memory=64 * MIB, stderr=False))
        assert await read_line(sibling) == "full"
        hog = await backend.spawn(silent(program("eat_memory", "400"), memory=64 * MIB))
        assert (sibling.unenforced, hog.unenforced) == ((), ())
        status = await hog.wait()
        assert status.out_of_memory
        assert status.signal == signal.SIGKILL
        assert ExitReason.of_status(status).kind is ExitKind.OUT_OF_MEMORY
        sibling.signal(signal.SIGTERM)  # it lives: this is what it dies of
        status = await sibling.wait()
        assert (status.signal, status.out_of_memory) == (signal.SIGTERM, False)


async def test_an_app_dies_as_one_when_its_child_is_the_hog(
    program: Callable[..., tuple[str, ...]],
) -> None:
    async with LinuxBackend(probe()) as backend:
        hog = " ".join(program("eat_memory", "400"))
        shell = ("/bin/sh", "-c", f"{hog}; exec sleep 600")
        status = await (await backend.spawn(silent(shell, memory=64 * MIB))).wait()
        assert status.out_of_memory


async def test_a_fifth_of_a_processor_is_a_fifth(program: Callable[..., tuple[str, ...]]) -> None:
    """The least of three, as the machine takes for the program's what its own host takes from it:
    that makes it more, never less."""
    async with LinuxBackend(probe()) as backend:

        async def share(**limits: float) -> float:
            status = await (await backend.spawn(silent(program("burn_cpu", "1"), **limits))).wait()
            return status.cpu_time / status.wall_time

        assert await share() > 0.5
        assert 0.1 < min([await share(cpu=0.2) for _ in range(3)]) < 0.3


async def test_a_fork_beyond_the_limit_is_refused(program: Callable[..., tuple[str, ...]]) -> None:
    async with LinuxBackend(probe()) as backend:
        spec = ProcessSpec(program("fork_many", "20"), pids=5, stderr=False)
        assert await read_line(await backend.spawn(spec)) == "4"


async def test_a_kill_reaches_what_hides_from_every_scan(
    program: Callable[..., tuple[str, ...]],
) -> None:
    async with LinuxBackend(probe()) as backend:
        hiding = program("double_fork", "escape", "deaf", "stay", "unmarked")
        process = await backend.spawn(ProcessSpec(hiding, pids=100, stderr=False))
        descendant = int(await read_line(process))
        assert cgroup_of(descendant) == cgroup_of(process.pid) != OWN
        process.kill()
        await wait_end(descendant)
        await process.wait_gone()


async def test_we_step_aside_at_the_first_limit_and_not_before() -> None:
    async with LinuxBackend(probe()) as backend:
        free = await backend.spawn(silent(("sleep", "600")))
        assert cgroups_below(OWN) == []
        bound = await backend.spawn(silent(("sleep", "600"), pids=10, memory=64 * MIB))
        ours = OWN / f"supctl-{os.getpid()}"
        assert cgroup_of(bound.pid) == ours / "run-1"
        stepped = {os.getpid(), backend.reaper_pid, free.pid}
        assert {cgroup_of(pid) for pid in stepped} == {ours / "daemon"}
        assert (ours / "run-1/memory.oom.group").read_text().strip() == "1"


async def test_the_cgroup_of_a_run_goes_with_it() -> None:
    async with LinuxBackend(probe()) as backend:
        with pytest.raises(SpawnFailed):
            await backend.spawn(silent(("/no/such/program",), pids=10))
        heard = Notices()
        process = await backend.spawn(silent(("sleep", "600"), pids=10), heard)
        process.signal(signal.SIGTERM)
        await heard.wait_for(Gone)
        ours = f"supctl-{os.getpid()}"
        assert cgroups_below(OWN) == [ours, f"{ours}/daemon"]


async def test_backends_of_one_process_share_its_subtree() -> None:
    async with trio.open_nursery() as nursery:
        first_limited, second_limited, first_left = (trio.Event() for _ in range(3))

        async def hold_first() -> None:
            async with LinuxBackend(probe()) as backend:
                await backend.spawn(silent(("sleep", "600"), pids=10))
                first_limited.set()
                await second_limited.wait()
            first_left.set()

        nursery.start_soon(hold_first)
        await first_limited.wait()
        async with LinuxBackend(probe()) as backend:
            process = await backend.spawn(silent(("sleep", "600"), pids=10))
            second_limited.set()
            await first_left.wait()
            assert (cgroup_of(process.pid) / "pids.max").read_text().strip() == "10"
            again = await backend.spawn(silent(("sleep", "600"), pids=11))
            assert again.unenforced == ()


async def test_limits_of_what_runs_are_changed() -> None:
    async with LinuxBackend(probe()) as backend:
        heard = Notices()
        process = await backend.spawn(silent(("sleep", "600"), memory=64 * MIB, pids=10), heard)
        cgroup = cgroup_of(process.pid)

        def now() -> list[str]:
            names = ("memory.max", "cpu.max", "pids.max")
            return [(cgroup / name).read_text().strip() for name in names]

        assert now() == [str(64 * MIB), "max 100000", "10"]
        backend.change(process, silent(("sleep", "600"), memory=80 * MIB, cpu=0.5))
        assert process.unenforced == ()
        assert now() == [str(80 * MIB), "50000 100000", "max"]
        process.kill()
        await heard.wait_for(Exited)


async def test_limits_survive_the_loss_of_the_reaper() -> None:
    async with LinuxBackend(probe()) as backend:
        heard = Notices()
        lost = await backend.spawn(silent(("sleep", "600"), pids=10), heard)
        old = cgroup_of(lost.pid)
        os.kill(backend.reaper_pid, signal.SIGKILL)
        await heard.wait_for(Lost)
        await heard.wait_for(Gone)
        assert not old.exists()
        heard = Notices()
        process = await backend.spawn(silent(("sleep", "600"), pids=10), heard)
        assert process.unenforced == ()
        process.kill()
        await heard.wait_for(Exited)


@pytest.fixture
def cgroup_apart() -> Iterator[Path]:
    """A second delegated cgroup: we go into one ourselves and leave another to somebody."""
    mine, other = OWN / "mine", OWN / "other"
    mine.mkdir()
    other.mkdir()
    (mine / "cgroup.procs").write_text(str(os.getpid()))
    for name in ("memory", "cpu", "pids"):
        (OWN / "cgroup.subtree_control").write_text(f"+{name}")
    yield other
    for name in ("memory", "cpu", "pids"):
        (OWN / "cgroup.subtree_control").write_text(f"-{name}")
    (OWN / "cgroup.procs").write_text(str(os.getpid()))
    mine.rmdir()
    other.rmdir()


def test_after_a_sigkill_the_reaper_takes_everything_back(
    cgroup_apart: Path, programs: Path
) -> None:
    join = f'echo 0 > {cgroup_apart}/cgroup.procs && exec "$@"'
    command = ["/bin/sh", "-c", join, "sh", sys.executable, str(programs / "hold_limited.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        reaper = int(daemon.stdout.readline())
        ours = f"supctl-{daemon.pid}"
        assert cgroups_below(cgroup_apart) == [ours, f"{ours}/daemon", f"{ours}/run-1"]
        daemon.kill()
    os.waitpid(reaper, 0)  # the session is a subreaper, so it is our child now
    assert cgroups_below(cgroup_apart) == []
    assert (cgroup_apart / "cgroup.procs").read_text() == ""
    assert (cgroup_apart / "cgroup.subtree_control").read_text().split() == []


@pytest.fixture
def in_the_root() -> Iterator[Path]:
    """Be in the root of all cgroups, with init and others."""
    root = Path("/sys/fs/cgroup")
    (root / "cgroup.procs").write_text(str(os.getpid()))
    yield root
    (OWN / "cgroup.procs").write_text(str(os.getpid()))


@pytest.mark.skipif(os.getuid() != 0, reason="only root may write to the root cgroup")
async def test_below_the_root_nobody_steps_aside(in_the_root: Path) -> None:
    enabled = (in_the_root / "cgroup.subtree_control").read_text()
    async with LinuxBackend(probe()) as backend:
        process = await backend.spawn(silent(("sleep", "600"), pids=10, cpu=1, memory=64 * MIB))
        assert process.unenforced == ()
        assert cgroup_of(process.pid) == in_the_root / f"supctl-{os.getpid()}/run-1"
        assert cgroup_of(os.getpid()) == cgroup_of(backend.reaper_pid) == in_the_root
    assert [path for path in cgroups_below(in_the_root) if path.startswith("supctl")] == []
    assert (in_the_root / "cgroup.subtree_control").read_text() == enabled


def test_a_shared_cgroup_is_left_alone_and_said() -> None:
    ask = "from supctl.backends.linux import probe; print(probe().cgroup_reason)"
    # We are the stranger: what asks is our child, and shares our cgroup.
    told = subprocess.run([sys.executable, "-c", ask], stdout=subprocess.PIPE, check=True)
    assert told.stdout.decode().startswith(f"other processes share our cgroup {OWN}")
