"""The disk is full while one daemon follows the other."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from supctl.daemon.lock import DaemonLock

from .conftest import Desk, until
from .test_survival import kill_daemon, row

pytestmark = pytest.mark.survival

SHOP = """
[apps.ticking]
command = ["sh", "-c", "while :; do echo tick; sleep 0.01; done"]
[apps.dying]
command = ["sh", "-c", "sleep 0.5; exit 3"]
backoff = { initial = "10ms", factor = 1, jitter = "none" }
"""


class Disk:
    """A file system that can be full."""

    def __init__(self, place: Path) -> None:
        self._filling = place / "filling"

    def fill(self) -> None:
        with open(self._filling, "ab", buffering=0) as file:
            for size in (65536, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def make_room(self) -> None:
        self._filling.unlink()


@pytest.fixture(params=["state", ""], ids=["state", "all"])
def disk(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Disk]:
    """A disk of 16 MB that holds the state of the daemon, or its logs too."""
    place = desk.base / request.param
    place.mkdir(mode=0o700, parents=True)
    words = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "none", str(place)]
    done = subprocess.run(words, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(place)
        with desk.popen("kill", "--yes") as command:
            command.communicate(timeout=50)
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.timeout(120)
def test_programs_run_on_and_all_is_well_when_there_is_room_again(desk: Desk, disk: Disk) -> None:
    desk.run("start", desk.write(SHOP))
    ticking = psutil.Process(desk.pid("ticking"))
    disk.fill()
    killed = kill_daemon(desk)
    assert desk.pid("ticking") == ticking.pid
    assert desk.json("daemon", "status")["pid"] != killed
    before = row(desk, "dying")["restarts"]
    until(lambda: row(desk, "dying")["restarts"] >= before + 2)
    assert row(desk, "dying")["end"]["code"] == 3
    for words in (["stop", "ticking"], ["start", "shop.toml", "--name", "other"]):
        said = desk.run(*words, status=2)
        assert "desired.json: No space left on device" in said
        assert "nothing was changed" in said
    assert ticking.is_running()
    kill_daemon(desk)  # which has not been able to save anything
    assert desk.pid("ticking") == ticking.pid
    assert row(desk, "dying")["restarts"] >= before + 2

    disk.make_room()
    origins = desk.home.origins
    known = json.loads(origins.read_text())
    until(lambda: len(json.loads(origins.read_text())) > len(known))
    assert desk.run("stop", "ticking") == "shop/ticking stopped (exit status 143)\n"
    desk.run("start", "ticking")
    later = psutil.Process(desk.pid("ticking"))
    desk.kill_all()  # what was started by a daemon that could not write is known as well
    desk.run("daemon", "start")
    assert psutil.wait_procs([later], timeout=20)[1] == []
    until(lambda: desk.states().get("/shop/ticking") == "running")


def test_the_lock_is_held_though_nobody_can_sign_it() -> None:
    with open("/dev/full", "r+b", buffering=0) as full:
        DaemonLock.sign(full.fileno())
        assert not os.get_inheritable(full.fileno())
