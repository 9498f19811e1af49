"""How processes have ended that are no children of ours."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

from supctl.backends.reaper import foreign

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pidfds are Linux's")


def ended(pidfd: int) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(10_000)


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3 << 8), ("kill -SEGV $$", 11)])
def test_a_zombie_tells_how_it_ended(script: str, status: int) -> None:
    with subprocess.Popen(["sh", "-c", f"read x; {script}"], stdin=subprocess.PIPE) as process:
        pidfd = os.pidfd_open(process.pid)
        assert foreign.exit_status(pidfd, process.pid) is None
        assert process.stdin is not None
        process.stdin.close()
        ended(pidfd)
        told = foreign.exit_status(pidfd, process.pid)
        process.wait()
        assert told is not None
        assert told & ~0x80 == status  # but for the core
        if foreign.can_tell_exits():
            assert foreign.exit_status(pidfd, process.pid) == told
        else:
            assert foreign.exit_status(pidfd, process.pid) is None
        os.close(pidfd)


def test_a_pid_that_is_anothers_tells_nothing() -> None:
    with subprocess.Popen(["true"]) as first, subprocess.Popen(["false"]) as second:
        pidfd, other = os.pidfd_open(first.pid), os.pidfd_open(second.pid)
        ended(other)
        assert foreign.exit_status(other, second.pid) == 1 << 8
        ended(pidfd)
        first.wait()
        told = foreign.exit_status(pidfd, second.pid)  # as if the pid had been given away
        assert told in (0, None)
        os.close(pidfd)
        os.close(other)


def test_a_group_is_signalled() -> None:
    script = "trap 'exit 4' TERM; sh -c 'echo up; exec sleep 1000' & wait"
    command = ["sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        pidfd = os.pidfd_open(process.pid)
        foreign.signal_group(pidfd, signal.SIGTERM)
        assert process.stdout.read() == b""  # the sleeper holds it too
        assert process.wait() == 4
        os.close(pidfd)
