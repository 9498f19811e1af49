"""``supctl run``: one command kept alive."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Supctl


def test_killed_server_is_back_and_ctrl_c_ends_all(supctl: Supctl) -> None:
    server = ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    run = supctl("run", "--name", "web", "--", *server)
    first = run.pid_of("web")
    run.wait_line("Serving HTTP on 127.0.0.1")
    os.kill(first, signal.SIGKILL)
    second = run.pid_of("web")
    run.wait_line("Serving HTTP on 127.0.0.1")
    run.signal(signal.SIGINT)
    assert run.wait() == 0
    assert not any(map(psutil.pid_exists, (first, second)))


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 5", 5), ("kill -9 $$", 137)])
def test_exit_status_of_the_command_becomes_ours(supctl: Supctl, script: str, status: int) -> None:
    assert supctl("run", "--restart", "never", "--", "sh", "-c", script).wait() == status


def test_failing_command_is_given_up_after_max_restarts(supctl: Supctl) -> None:
    run = supctl(
        *("run", "--restart", "on-failure", "--max-restarts", "1", "--", "sh", "-c", "exit 4")
    )
    run.wait_line("sh failed for good: exited with code 4 after 1 restart")
    assert run.wait() == 4


def test_environment_and_directory(supctl: Supctl, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    run = supctl(
        *("run", "--restart", "never", "--env", "GREETING=hi there", "--cwd", "here", "--"),
        *("sh", "-c", 'echo "$GREETING from $(pwd)"'),
    )
    run.wait_line(f"hi there from {tmp_path / 'here'}")
    assert run.wait() == 0


def test_limits_are_enforced_or_said_not_to_be(supctl: Supctl) -> None:
    run = supctl("run", "--restart", "never", "--memory", "64M", "--cpu", "50%", "--", "true")
    assert run.wait() == 0
    told = [line for line in run.lines if "is not enforced" in line]
    assert len(told) in (0, 2)  # all or nothing, and each with its reason
    assert all(": " in line.split("not enforced")[1] for line in told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--", "no-such-program"], "no-such-program", id="missing"),
        pytest.param(["--", "/etc/passwd"], "/etc/passwd", id="not executable"),
        pytest.param(["--", "/etc"], "/etc", id="directory"),
        pytest.param(["--cwd", "/no/where", "--", "true"], "/no/where", id="cwd"),
        pytest.param(["--memory", "12Q", "--", "true"], "12Q", id="size"),
        pytest.param(["--memory", "-1", "--", "true"], "-1", id="negative size"),
        pytest.param(["--cpu", "many", "--", "true"], "many", id="cpu"),
        pytest.param(["--env", "FOO", "--", "true"], "NAME=VALUE", id="env"),
        pytest.param(["--name", "a/b", "--", "true"], "a/b", id="name"),
        pytest.param(["--", ""], "command", id="empty command"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    supctl: Supctl, arguments: list[str], told: str
) -> None:
    run = supctl("run", *arguments)
    assert run.wait() == 2
    (line,) = run.lines
    assert line.startswith("supctl: ")
    assert told in line
    assert "wanted" in line
