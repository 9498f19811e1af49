"""What a program starts with, and what is said when it cannot start."""

from __future__ import annotations

import errno
import os
import pwd
import signal as signals
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from supctl.backends.base import Notice, Process
from supctl.errors import SpawnFailed

if TYPE_CHECKING:
    from tests.contracts.conftest import Real, World

only_real = pytest.mark.parametrize("kind", ["real"])

FAILURES = {
    "missing_program": ("program", errno.ENOENT),
    "not_executable": ("program", errno.EACCES),
    "a_directory": ("program", errno.EACCES),
    "bad_interpreter": ("program", errno.ENOENT),
    "bad_cwd": ("cwd", errno.ENOENT),
    "bad_user": ("user", errno.EINVAL),
}


@contextmanager
def no_new_descriptors() -> Iterator[None]:
    before = set(Path("/proc/self/fd").iterdir())
    yield
    assert set(Path("/proc/self/fd").iterdir()) == before


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def close(process: Process) -> None:
    for fd in process.take_output():
        if fd is not None:
            os.close(fd)


@pytest.mark.parametrize("name", FAILURES)
async def test_a_start_that_fails_names_its_stage_and_leaves_nothing(
    world: World, name: str
) -> None:
    spec = getattr(world, name)()
    told: list[Notice] = []
    with no_new_descriptors(), pytest.raises(SpawnFailed) as caught:
        await world.backend.spawn(spec, told.append)
    assert (caught.value.stage, caught.value.errno) == FAILURES[name]
    assert caught.value.program == spec.command[0]
    assert world.living() == set()
    assert told == []


async def test_a_failed_start_does_not_harm_the_next(world: World) -> None:
    with pytest.raises(SpawnFailed):
        await world.backend.spawn(world.missing_program())
    assert (await (await world.backend.spawn(world.exits_with(4))).wait()).code == 4


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancelled_start_leaves_nothing(world: World, turns: int) -> None:
    """At whatever moment: ``turns`` is how many rounds of the scheduler the start is given."""
    started = []

    async def start(stdin: int) -> None:
        started.append(await world.backend.spawn(replace(world.runs_forever(), stdin=stdin)))

    with no_new_descriptors():
        with world.lifeline() as lifeline:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(start, lifeline.write)
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            for process in started:  # it was faster than we were
                process.kill()
                close(process)
            await lifeline.broken()
        # What the reaper tells of this one it tells after all it had to say of the other.
        quiet = replace(world.exits_with(0), stdout=False, stderr=False)
        await (await world.backend.spawn(quiet)).wait_gone()
    assert world.living() == set()


@only_real
async def test_the_environment_is_exactly_what_was_given(world: Real) -> None:
    env = {"EMPTY": "", "ONE": "1", "TWO LINES": "a\nb", "UMLAUT": "ä", "RAW": "\udcff="}
    process = await world.backend.spawn(replace(world.python("print_env"), env=env))
    expected = {os.fsencode(f"{name}={value}") for name, value in env.items()}
    told = (await world.output(process)).removesuffix(b"\0\n").split(b"\0")
    # The interpreter may add this to its own environment (PEP 538).
    assert set(told) - {b"LC_CTYPE=C.UTF-8"} == expected
    assert len(set(told)) == len(told)


@only_real
async def test_arguments_arrive_byte_for_byte(world: Real) -> None:
    words = ["", "two words", "$HOME", "*", "a\nb", "ä", "\udcff\udc80", '"']
    process = await world.backend.spawn(world.python("print_args", *words))
    told = (await world.output(process)).removesuffix(b"\0\n").split(b"\0")
    assert told == [os.fsencode(word) for word in words]


@only_real
async def test_it_runs_in_its_own_directory(world: Real, tmp_path: Path) -> None:
    spec = replace(world.shell("touch here; echo done"), cwd=str(tmp_path))
    await world.line(await world.backend.spawn(spec))
    assert [path.name for path in files_in(tmp_path)] == ["here"]


@only_real
async def test_a_program_is_looked_up_in_the_path_of_its_own_environment(
    world: Real, tmp_path: Path
) -> None:
    program = tmp_path / "only-here"
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    found = replace(world.missing_program(), command=("only-here",), env={"PATH": str(tmp_path)})
    assert await world.line(await world.backend.spawn(found)) == "found"
    with pytest.raises(SpawnFailed) as caught:
        await world.backend.spawn(replace(found, env={}))
    assert (caught.value.stage, caught.value.errno) == ("program", errno.ENOENT)


@only_real
async def test_it_inherits_no_descriptor_of_ours(world: Real, tmp_path: Path) -> None:
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        process = await world.backend.spawn(world.shell("ls /proc/$$/fd; exit 0"))
        assert (await world.output(process)).split() == [b"0", b"1", b"2"]


@only_real
async def test_standard_input_is_empty_unless_given(world: Real) -> None:
    process = await world.backend.spawn(world.shell("exec readlink /proc/self/fd/0"))
    assert await world.line(process) == os.devnull


@only_real
async def test_it_leads_a_session_of_its_own(world: Real) -> None:
    process = await world.backend.spawn(world.runs_forever())
    assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid


@only_real
async def test_signals_we_ignore_are_not_ignored_by_it(world: Real) -> None:
    process = await world.backend.spawn(world.shell("exec grep SigIgn: /proc/self/status"))
    mask = int((await world.line(process)).split()[1], 16)
    # Two more signals are glibc's own, and its posix_spawn leaves them ignored.
    assert [number for number in signals.valid_signals() if mask >> (number - 1) & 1] == []


@only_real
async def test_umask_niceness_and_limits_are_set(world: Real) -> None:
    spec = world.shell("umask; nice; ulimit -Sn; ulimit -Hn")
    spec = replace(spec, umask=0o27, nice=5, rlimits={"nofile": (100, 200)})
    process = await world.backend.spawn(spec)
    assert (await world.output(process)).split() == [b"0027", b"5", b"100", b"200"]


@only_real
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
async def test_user_and_group_are_taken_on_with_the_users_groups(world: Real) -> None:
    nobody = pwd.getpwnam("nobody")
    process = await world.backend.spawn(replace(world.shell("id -u; id -g"), user="nobody"))
    assert (await world.output(process)).split() == [b"%d" % nobody.pw_uid, b"%d" % nobody.pw_gid]
