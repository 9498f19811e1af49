"""Commands that nobody waits for, and what has not come up."""

from __future__ import annotations

import json

import pytest

from supctl.errors import InvalidConfig

from .conftest import Desk

SLOW = """
[apps.slow]
command = ["sh", "slow.sh"]
cwd = "."
stop = { grace = "1h" }
"""
SCRIPT = """
trap 'while test ! -e go; do sleep 0.05; done; exit 5' TERM
echo up
while :; do sleep 0.05; done
"""
LATE = """
[apps.late]
command = ["sh", "-c", "while test ! -e go; do sleep 0.05; done; echo up; sleep 1000"]
cwd = "."
ready = { output = "up" }
"""
NEVER = """
[apps.a]
command = ["sleep", "1000"]

[apps.b]
command = ["sleep", "1000"]
ready = { output = "up", timeout = "50ms" }
backoff = { initial = "1h", maximum = "1h" }
"""


@pytest.fixture
def slow(desk: Desk) -> Desk:
    """A desk with a program that, when it is asked to, ends as soon as a file ``go`` is there."""
    desk.write(SCRIPT, "slow.sh")
    desk.run("start", desk.write(SLOW))
    while "up" not in desk.run("logs", "slow"):
        pass
    return desk


def go(desk: Desk) -> None:
    (desk.directory / "go").touch()


def test_a_stop_that_nobody_waits_for(slow: Desk) -> None:
    assert slow.run("stop", "slow", "--no-wait") == "shop/slow asked\n"
    assert slow.states()["/shop/slow"] == "stopping"
    saved = json.loads(slow.home.desired.read_text())
    assert "/shop/slow" in saved["stopped"]
    notes = [json.loads(line) for line in slow.home.audit.read_text().splitlines()]
    assert (notes[-1]["method"], notes[-1]["wait"], notes[-1]["result"]) == ("stop", False, "ok")
    go(slow)
    slow.run("wait", "slow", "--for", "stopped")


def test_a_start_that_nobody_waits_for(desk: Desk) -> None:
    assert desk.run("start", desk.write(LATE), "--no-wait") == "shop asked\n"
    assert desk.states()["/shop/late"] == "starting"
    go(desk)
    desk.run("wait", "late")
    assert desk.run("restart", "late", "--no-wait") == "shop/late asked\n"
    assert desk.run("delete", "shop", "--no-wait") == "shop asked\n"
    while desk.states():
        pass


def test_nobody_who_does_not_wait_has_a_time_out(desk: Desk) -> None:
    desk.run("start", desk.write("[apps.a]\ncommand = ['sleep', '1000']\n"))
    for command in ("start", "stop", "restart", "delete"):
        said = desk.run(command, "shop", "--no-wait", "--timeout", "5", status=2)
        assert "--timeout is for those who wait" in said
    with desk.client() as client, pytest.raises(InvalidConfig, match="none, as nobody waits"):
        client.stop("a", timeout=5, wait=False)
    assert desk.states()["/shop/a"] == "running"


def test_what_nobody_waits_for_and_fails_is_in_the_log(desk: Desk) -> None:
    desk.run("start", desk.write(NEVER), "--no-wait")
    while "/shop/b did not start" not in desk.home.log.read_text():
        pass


def test_a_start_does_not_wait_for_the_back_off(desk: Desk) -> None:
    text = "[apps.a]\ncommand = ['sh', '-c', 'test -e go && exec sleep 1000']\ncwd = '.'\n"
    desk.write(text + "backoff = { initial = '1h', maximum = '1h' }\n")
    desk.run("start", "shop.toml", "--no-wait")
    while desk.states()["/shop/a"] != "backoff":
        pass
    go(desk)
    assert desk.run("start", "a") == "shop/a started\n"


def test_what_does_not_come_up_fails_the_start(desk: Desk) -> None:
    said = desk.run("start", desk.write(NEVER), status=1)
    assert "shop added" in said
    assert "supctl: /shop/b did not start: not ready within 0.05 s" in said
    assert "supctl: /shop/b did not start" in desk.run("start", "b", status=1)
    (one, other) = json.loads(desk.run("start", "shop", "--json", status=1))
    assert (one["did"], other["error"]["code"]) == ("was running", "start_failed")
