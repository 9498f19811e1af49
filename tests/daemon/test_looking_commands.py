"""The commands that look closer, as an operator meets them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator

import psutil
import pytest

from .conftest import Desk, desk_in, until

SHOP = """
[apps.bad]
command = ["sh", "-c", "exit 3"]
backoff = { initial = "50ms", factor = 1, jitter = "none" }
give_up_after = 2

[apps.web]
[apps.web.apps.api]
command = ["sh", "-c", "setsid sleep 1000 & exec sleep 1000"]
env = { API_TOKEN = "hush", DB = "postgres://me:hush@host/db", MODE = "a b" }
instances = 2
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with something that has failed and two that run. Tests that only look share it."""
    with desk_in(tmp_path_factory.mktemp("shop")) as desk:
        desk.run("start", desk.write(SHOP))
        desk.run("wait", "bad", "--for", "stopped")
        with desk.client() as client:
            until(lambda: {it["processes"] for it in client.status("api", usage=True)} == {2})
        yield desk


@pytest.mark.parametrize("name", ["ls", "ps"])
def test_status_has_short_names(shop: Desk, name: str) -> None:
    assert shop.run(name, "bad").split()[:4] == shop.run("status", "bad").split()[:4]


def test_what_is_shown_of_everything(shop: Desk) -> None:
    rows = {row["address"]: row for row in shop.json("status", "--usage")}
    end = rows["/shop/bad"]["end"]
    assert (end["code"], end["times"]) == (3, 3)
    assert rows["/shop/web/api:1"]["memory"] > 100_000
    assert rows["/shop/web/api:1"]["cpu"] < 1.5
    assert rows["/shop/bad"]["memory"] is None
    assert "memory" not in shop.json("status")[0]
    lines = shop.run("status").splitlines()
    assert lines[0].split() == [
        "name",
        "state",
        "pid",
        "uptime",
        "restarts",
        "cpu",
        "memory",
        "why",
    ]
    assert "failed" in lines[2]
    assert "exit 3 (3 times in" in lines[2]
    tree = shop.run("tree").splitlines()
    assert tree[0] == "shop running"
    assert tree[1].startswith("├─ bad failed, 2 restarts, exit 3 (3 times in")
    assert tree[3].startswith("   ├─ api:1 running, pid ")
    assert tree[4].startswith("   └─ api:2 running, pid ")


def test_one_child_in_all_detail(shop: Desk) -> None:
    told = shop.run("describe", "bad")
    assert "shop/bad  app  failed, exit 3 (3 times" in told
    assert "command    sh -c 'exit 3'" in told
    assert "shop/bad failed for good: exited with code 3 after 2 restarts" in told
    assert "in 2 processes" in shop.run("describe", "api:1")
    assert "stop       signal SIGTERM, grace 10 s" in shop.run("describe", "api:1")
    told = shop.run("describe", "web")
    assert "strategy   one_for_one" in told
    assert "intensity  max restarts 1, within 5 s" in told
    told = shop.run("events", "bad").splitlines()[-1]
    assert told.endswith("failed for good: exited with code 3 after 2 restarts")
    assert "hush" not in shop.run("describe", "api:1", "--json")


def test_the_environment_of_a_program(shop: Desk) -> None:
    told = shop.run("env", "api:1").splitlines()
    assert "API_TOKEN='********'" in told
    assert "DB='postgres://me:********@host/db'" in told
    assert "MODE='a b'" in told
    told = shop.json("env", "api:1", "--show")
    assert told["API_TOKEN"] == "hush"
    exact = psutil.Process(shop.pid("api:1")).environ()
    for of_the_shell in ("PWD", "OLDPWD", "SHLVL", "_"):
        told.pop(of_the_shell, None)
        exact.pop(of_the_shell, None)
    assert exact == told
    assert "no program" in shop.run("env", "web", status=1)


def test_what_the_system_says_of_processes(shop: Desk) -> None:
    first, second = shop.json("inspect", "web")
    assert first["command"] == ["sleep", "1000"]
    assert len(first["descendants"]) == 1
    assert second["threads"] == 1
    assert "sleep 1000" in shop.run("inspect")
    assert shop.json("inspect", "bad") == [{"address": "/shop/bad", "state": "failed", "pid": None}]


def test_counters_begin_again(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    desk.run("wait", "bad", "--for", "stopped")
    assert desk.json("status", "bad")[0]["restarts"] == 2
    assert desk.run("reset", "bad") == "shop/bad counts from 0\n"
    assert desk.json("status", "bad")[0]["restarts"] == 0


@pytest.mark.parametrize("no_color", ["", "1"])
def test_on_a_terminal_it_fits_and_has_colours(shop: Desk, no_color: str) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 72))
    environ = {**shop.environ, "NO_COLOR": no_color, "TERM": "xterm"}
    environ.pop("COLUMNS", None)
    command = [sys.executable, "-m", "supctl", "status"]
    with subprocess.Popen(command, env=environ, stdout=theirs, stdin=theirs) as shown:
        os.close(theirs)
        text = b""
        while data := _read(ours):
            text += data
        assert shown.wait() == 0
    os.close(ours)
    lines = text.decode().splitlines()
    if no_color:
        assert "\x1b" not in text.decode()
        assert max(map(len, lines)) <= 72
    else:
        assert "\x1b[31mfailed" in text.decode()


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except OSError:  # the other side has gone: that is how a terminal ends
        return b""
