"""The daemon at boot: files that systemd and the others understand."""

from __future__ import annotations

import os
import plistlib
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from supctl.daemon.boot import KINDS, Account, boot_file

from .conftest import Desk


def account(*, for_system: bool = False, supctl_home: str = "") -> Account:
    return Account("jo", Path("/home/jo"), sys.executable, supctl_home, for_system, "supctl")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("supctl_home", ["", '/srv/with space/100% "q" $HOME \\ ümlaut'])
@pytest.mark.parametrize("for_system", [False, True])
def test_systemd_understands_its_unit(tmp_path: Path, supctl_home: str, for_system: bool) -> None:
    file = boot_file("systemd", account(for_system=for_system, supctl_home=supctl_home))
    unit = tmp_path / file.path.name
    unit.write_bytes(file.content.replace(b"User=jo", b"User=root"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
    )
    assert str(unit) not in checked.stdout + checked.stderr
    assert (b"SUPCTL_HOME" in file.content) == bool(supctl_home)
    assert (b"User=jo" in file.content) == for_system


def test_launchd_gets_a_plist() -> None:
    told = plistlib.loads(boot_file("launchd", account(supctl_home="/srv/<a & b>")).content)
    assert told["ProgramArguments"][1:] == ["-m", "supctl", "daemon", "run"]
    assert told["EnvironmentVariables"] == {"SUPCTL_HOME": "/srv/<a & b>"}
    assert "UserName" not in told
    assert (
        plistlib.loads(boot_file("launchd", account(for_system=True)).content)["UserName"] == "jo"
    )


@pytest.mark.parametrize("supctl_home", ["", "C:\\a & b\\<c>"])
def test_windows_gets_a_task(supctl_home: str) -> None:
    file = boot_file("windows", account(supctl_home=supctl_home))
    task = ElementTree.fromstring(file.content.decode("utf-16").partition("?>")[2])
    arguments = task.findtext(".//{*}Arguments")
    assert arguments is not None
    assert arguments.endswith("-m supctl daemon run")
    assert (supctl_home in arguments) is True


@pytest.mark.parametrize("kind", KINDS)
def test_startup_writes_once_and_unstartup_removes(desk: Desk, kind: str) -> None:
    os.environ.pop("XDG_CONFIG_HOME", None)
    told = {"HOME": str(desk.directory)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", told["HOME"])
        path = desk.run("startup", "--kind", kind).split(" written")[0]
        assert Path(path).is_relative_to(desk.directory)
        assert "is there already" in desk.run("startup", "--kind", kind)
        Path(path).write_text("something else")
        assert f"{path} written" in desk.run("startup", "--kind", kind)
        assert "next:" in desk.run("unstartup", "--kind", kind)
        assert not Path(path).exists()
        assert "was not there" in desk.run("unstartup", "--kind", kind)


def test_print_writes_nothing(desk: Desk) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(desk.directory))
        assert "Type=notify" in desk.run("startup", "--kind", "systemd", "--print")
        assert list(desk.directory.iterdir()) == []


def test_a_running_daemon_is_mentioned(desk: Desk) -> None:
    desk.run("daemon", "start")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(desk.directory))
        said = desk.run("startup", "--kind", "systemd")
    assert 'end it first: "supctl kill"' in said
    assert "loginctl enable-linger" in said


def test_a_system_service_needs_a_home_of_its_own(desk: Desk) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SUPCTL_HOME", raising=False)
        done = subprocess.run(
            [sys.executable, "-m", "supctl", "startup", "--system", "--print"],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert "SUPCTL_HOME is ''; wanted an absolute path" in done.stderr
    assert "User=" in desk.run("startup", "--system", "--print")


def test_the_daemon_tells_systemd_that_it_is_ready_and_that_it_ends(desk: Desk) -> None:
    heard = desk.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear, pytest.MonkeyPatch.context() as p:
        ear.bind(str(heard))
        ear.settimeout(30)
        p.setenv("NOTIFY_SOCKET", str(heard))
        with desk.popen("daemon", "run") as daemon:
            assert ear.recv(100) == b"READY=1"
            assert desk.run("ping") == "pong\n"
            desk.run("kill", "--yes")
            assert ear.recv(100) == b"STOPPING=1"
            daemon.communicate(timeout=20)
        assert daemon.returncode == 0
