"""Other code takes over, and what runs does not notice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from supctl._version import __version__
from supctl.daemon.code import PACKAGE
from supctl.errors import InvalidConfig, UpgradeFailed

from .conftest import Desk, desk_in, until

pytestmark = pytest.mark.survival

TREE = """
[apps.ticking]
command = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"]
[apps.dying]
command = ["sh", "-c", "echo $$; sleep 0.5; exit 3"]
backoff = { initial = "1ms", maximum = "1ms" }
max_restarts = 1000
"""

BEGIN = "        with ending_at_once(home.crash):\n"
"""A line of the daemon that comes before it serves, and has a block below it."""


@pytest.fixture
def code(tmp_path: Path) -> Callable[..., Path]:
    """Make a version of the package, with a change in a module, and return its directory."""

    def make(version: str, changed: str = "", old: str = "", new: str = "") -> Path:
        package = tmp_path / version / "supctl"
        shutil.copytree(PACKAGE, package)
        edits = [("_version", f'"{__version__}"', f'"{version}"')]
        for name, before, after in [*edits, (changed, old, new)] if changed else edits:
            path = package / f"{name}.py"
            text = path.read_text()
            assert before in text
            path.write_text(text.replace(before, after, 1))
        return package

    return make


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk at which something runs, for all tests here: they leave it as it was."""
    with desk_in(tmp_path_factory.mktemp("upgrade")) as desk:
        desk.run("start", desk.write(TREE))
        yield desk


def upgrade(desk: Desk, package: Path, status: int = 0, within: str = "20") -> str:
    """Upgrade with the command of that package; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "supctl", "daemon", "upgrade", "--timeout", within],
        env={**desk.environ, "PYTHONPATH": str(package.parent)},
        cwd=desk.directory,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def about(desk: Desk) -> dict[str, Any]:
    with desk.client() as client:
        told: dict[str, Any] = client.about()
        return told


def code_of(pid: int) -> str:
    """Return which code a process runs: the name of the directory."""
    (place,) = [
        it
        for it in psutil.Process(pid).cmdline()
        if it[:1] == "/" and Path(it).parent.name == "code"
    ]
    return Path(place).name


def lost_lines(desk: Desk) -> list[int]:
    """Return the numbers that are missing or repeated in what was stored of what ticks."""
    text = (desk.home.logs / "shop" / "ticking.out.log").read_text()
    numbers = [int(line) for line in text.splitlines()[:-1]]
    assert numbers
    return sorted(set(numbers) ^ set(range(1, len(numbers) + 1)))


def deaths(desk: Desk) -> list[str]:
    """Return how each life of what dies has ended, as the journal has it, but for the last."""
    with desk.client() as client:
        (story,) = client.why("dying", most=10_000)
    ends = [it for it in story["events"] if it["event"] == "child_exited" and not it["asked"]]
    return [it["reason"]["text"] for it in ends]


def test_daemon_and_reaper_are_of_the_new_code(running: Desk, code: Callable[..., Path]) -> None:
    before, pid = about(running), running.pid("ticking")
    for version in ("7.0", "7.1"):
        was = about(running)
        told = upgrade(running, code(version))
        now = about(running)
        assert (
            f"the daemon is supctl {version} now, pid {now['pid']}; it was {was['version']}" in told
        )
        assert (now["version"], now["reaper"]) == (version, before["reaper"])
        assert now["pid"] != was["pid"]
        assert now["upgrade"] == {"before": was["version"], "to": version, "failed": None}
        assert code_of(now["pid"]) == code_of(now["reaper"])
    assert running.pid("ticking") == pid
    assert lost_lines(running) == []
    running.run("stop", "dying")
    lives = (running.home.logs / "shop" / "dying.out.log").read_text().split()
    ends = deaths(running)
    running.run("start", "dying")
    assert len(ends) in (len(lives), len(lives) - 1)  # the last may have been stopped
    assert set(ends) == {"crashed (exited with code 3)"}


def test_who_is_told_why(running: Desk, code: Callable[..., Path]) -> None:
    was = about(running)["version"]
    upgrade(running, code("7.2"))
    story = running.run("why", "--all")
    assert "(supctl daemon upgrade, pid " in story
    assert f"supctl 7.2; it takes over from supctl {was}, in an upgrade" in story
    status = running.run("daemon", "status")
    assert f"it took over from supctl {was}" in status
    assert f'this is supctl {__version__}: "supctl daemon upgrade" has it take over' in status


def refused(desk: Desk, package: Path, within: str = "20") -> str:
    """Upgrade in vain, and see that all is as before; return why."""
    before, pid = about(desk), desk.pid("ticking")
    told = upgrade(desk, package, status=1, within=within)
    after = about(desk)
    assert (after["version"], after["reaper"]) == (before["version"], before["reaper"])
    assert code_of(after["pid"]) == code_of(before["reaper"])
    assert code_of(after["reaper"]) == code_of(before["reaper"])
    assert desk.pid("ticking") == pid
    assert lost_lines(desk) == []
    assert "The code from before goes on" in told
    return told


def test_code_that_cannot_be_loaded_changes_nothing(
    running: Desk, code: Callable[..., Path]
) -> None:
    before = about(running)["pid"]
    told = refused(running, code("7.0", "daemon/views", "import os\n", "import os, nothing\n"))
    assert "it cannot be loaded (exit status 1)" in told
    assert "No module named 'nothing'" in told
    assert about(running)["pid"] == before


def test_a_reaper_that_cannot_be_loaded_changes_nothing(
    running: Desk, code: Callable[..., Path]
) -> None:
    before = about(running)["pid"]
    line = "from __future__ import annotations\n"  # a library is there for daemons, not for reapers
    told = refused(running, code("7.0", "backends/reaper/rebirth", line, f"{line}import trio\n"))
    assert "supctl 7.0 has not taken over: it cannot be loaded (exit status 1)" in told
    assert "No module named 'trio'" in told
    assert about(running)["pid"] == before


def test_a_daemon_that_ends_is_followed_by_the_old_one(
    running: Desk, code: Callable[..., Path]
) -> None:
    package = code("7.0", "daemon/run", BEGIN, f"{BEGIN}            raise RuntimeError('a bug')\n")
    told = refused(running, package)
    assert "supctl 7.0 has not taken over: it has ended by itself, with status 70" in told
    assert "RuntimeError: a bug" in told
    assert "an upgrade to supctl 7.0 failed" in running.run("daemon", "status")
    assert "the upgrade to supctl 7.0 has failed: it has ended" in running.run("why", "--all")


def test_a_daemon_that_does_not_serve_is_followed_by_the_old_one(
    running: Desk, code: Callable[..., Path]
) -> None:
    package = code("7.0", "daemon/run", BEGIN, f"{BEGIN}            await trio.sleep_forever()\n")
    told = refused(running, package, within="2")
    assert "supctl 7.0 has not taken over: it did not serve within 2 s" in told


def test_a_daemon_that_cannot_read_what_is_left_is_followed_by_the_old_one(
    running: Desk, code: Callable[..., Path]
) -> None:
    package = code("7.0", "daemon/survival", "version = estate", "version = 'x' + estate")
    told = refused(running, package)
    assert "what the daemon before has left" in told


def test_a_reaper_that_cannot_begin_is_the_old_one_again(
    running: Desk, code: Callable[..., Path]
) -> None:
    package = code("7.0", "backends/reaper/rebirth", "VERSION: Final = 1", "VERSION: Final = 2")
    told = refused(running, package)
    assert "its reaper cannot begin: got a reaper's memory of version 1; wanted 2" in told


def test_after_a_failure_all_is_as_it_was(running: Desk, code: Callable[..., Path]) -> None:
    bad = code("7.0", "daemon/run", BEGIN, f"{BEGIN}            os._exit(9)\n")
    pid = running.pid("ticking")
    was = about(running)["version"]
    for _ in range(2):
        upgrade(running, bad, status=1)
    os.kill(about(running)["pid"], signal.SIGKILL)
    assert about(running)["version"] == was
    assert about(running)["upgrade"] is None
    upgrade(running, code("7.1"))
    assert about(running)["version"] == "7.1"
    assert running.pid("ticking") == pid
    assert lost_lines(running) == []


def test_what_both_say_to_each_other_may_change(running: Desk, code: Callable[..., Path]) -> None:
    package = code("7.0", "backends/reaper/protocol", "VERSION: Final = ", "VERSION: Final = 1")
    upgrade(running, package)
    assert about(running)["version"] == "7.0"


def test_without_an_upgrade_the_next_daemon_is_of_the_same_code(
    desk: Desk, code: Callable[..., Path]
) -> None:
    package = code("8.0")
    environ = {**desk.environ, "PYTHONPATH": str(package.parent)}
    command = [sys.executable, "-m", "supctl", "daemon", "start"]
    subprocess.run(command, env=environ, cwd=desk.directory, check=True, timeout=50)
    for path in sorted(package.rglob("*.py")):
        path.unlink()
    os.kill(about(desk)["pid"], signal.SIGKILL)
    assert about(desk)["version"] == "8.0"
    desk.run("start", desk.write(TREE))  # loads what it has not needed so far
    assert desk.states()["/shop/ticking"] == "running"


def test_a_reaper_that_is_no_parent_of_the_daemon_is_upgraded_too(
    running: Desk, code: Callable[..., Path]
) -> None:
    pid, lost = running.pid("ticking"), about(running)["reaper"]
    os.kill(lost, signal.SIGKILL)
    until(lambda: about(running)["reaper"] != lost)
    reaper = about(running)["reaper"]
    upgrade(running, code("7.0"))
    assert (about(running)["version"], about(running)["reaper"]) == ("7.0", reaper)
    assert running.pid("ticking") == pid
    assert lost_lines(running) == []


def test_the_end_of_all_can_be_asked_for_meanwhile(desk: Desk, code: Callable[..., Path]) -> None:
    desk.run("start", desk.write(TREE))
    reaper = psutil.Process(about(desk)["reaper"])
    pid = desk.pid("ticking")
    package = code("7.0", "daemon/run", BEGIN, f"{BEGIN}            await trio.sleep_forever()\n")
    command = [sys.executable, "-m", "supctl", "daemon", "upgrade", "--timeout", "2"]
    environ = {**desk.environ, "PYTHONPATH": str(package.parent)}
    old = about(desk)["pid"]
    with subprocess.Popen(
        command, env=environ, cwd=desk.directory, stderr=subprocess.PIPE, text=True
    ) as client:
        until(lambda: not psutil.pid_exists(old))
        reaper.terminate()  # wherever that finds it
        client.communicate(timeout=50)
        assert client.returncode == 1
    reaper.wait(timeout=20)
    assert not psutil.pid_exists(pid)


def test_an_upgrade_waits_for_commands_under_way(running: Desk, code: Callable[..., Path]) -> None:
    text = "trap 'sleep 1; exit' TERM; while :; do sleep 0.1; done"
    running.run(
        "start", running.write(f'[apps.slow]\ncommand = ["sh", "-c", "{text}"]\n', "slow.toml")
    )
    with running.popen("stop", "slow") as stop:
        until(lambda: running.states()["/slow/slow"] == "stopping")
        upgrade(running, code("7.0"))
        said, _ = stop.communicate(timeout=20)
    assert stop.returncode == 0
    assert "slow" in said


def test_code_that_is_none_is_refused(running: Desk, tmp_path: Path) -> None:
    with running.client() as client:
        with pytest.raises(InvalidConfig, match="the directory of a supctl package"):
            client.upgrade(python=sys.executable, package=str(tmp_path))
        with pytest.raises(InvalidConfig, match="a positive number of seconds"):
            client.upgrade(python=sys.executable, package=str(PACKAGE), within=0)
        with pytest.raises(UpgradeFailed, match="No such file"):
            client.upgrade(python=str(tmp_path / "python"), package=str(PACKAGE))


def test_a_time_that_is_none_is_refused(running: Desk) -> None:
    assert "--timeout" in running.run("daemon", "upgrade", "--timeout", "0", status=2)
