"""What comes back with the daemon, and what does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from supctl.config import load
from supctl.config.document import as_native

from .conftest import Desk

pytestmark = pytest.mark.survival

KEPT = "command = ['sleep', '1000']\nrestart = 'unless-stopped'\n"

PAIR = f"[apps.always]\ncommand = ['sleep', '1000']\n[apps.kept]\n{KEPT}instances = 2\n"


def again(desk: Desk) -> dict[str, str]:
    desk.run("kill", "--yes")
    desk.run("daemon", "start")
    return desk.states()


def test_one_instance_that_was_stopped_stays_so_and_the_other_runs(desk: Desk) -> None:
    desk.run("start", desk.write(PAIR))
    desk.run("stop", "kept:2")
    states = {"/shop": "running", "/shop/always": "running", "/shop/kept:1": "running"}
    assert again(desk) == {**states, "/shop/kept:2": "stopped"}


def test_what_was_stopped_with_all_above_it_stays_so(desk: Desk) -> None:
    desk.run("start", desk.write(PAIR))
    desk.run("stop", "shop")
    states = {"/shop": "running", "/shop/always": "running", "/shop/kept:1": "stopped"}
    assert again(desk) == {**states, "/shop/kept:2": "stopped"}
    desk.run("start", "kept:1")
    assert again(desk) == {**states, "/shop/kept:1": "running", "/shop/kept:2": "stopped"}
    desk.run("start", "kept")
    assert set(again(desk).values()) == {"running"}


def test_what_was_stopped_stays_so_when_its_supervisor_gives_up(desk: Desk) -> None:
    nested = f"""
[apps.web]
max_restarts = 0
[apps.web.apps.always]
command = ['sleep', '1000']
[apps.web.apps.kept]
{KEPT}
"""
    desk.run("start", desk.write(nested))
    desk.run("stop", "kept")
    desk.run("signal", "KILL", "always")
    while desk.json("status", "/shop/web")[0]["restarts"] == 0:
        pass
    desk.run("wait", "always", "--for", "running", "--timeout", "30")
    assert desk.states()["/shop/web/kept"] == "stopped"
    desk.run("restart", "web")  # by hand it starts what it has
    assert desk.states()["/shop/web/kept"] == "running"


def test_who_brings_the_same_at_once_is_told_that_it_was_there(desk: Desk) -> None:
    desk.run("daemon", "start")
    file = desk.directory / desk.write(PAIR)
    tree = as_native(load(file).root)

    def add(_: int) -> str:
        with desk.client() as client:
            did: str = client.add("shop", tree, str(file))["did"]
            return did

    with ThreadPoolExecutor(8) as pool:
        did = list(pool.map(add, range(8)))
    assert sorted(did) == ["added", *["was there"] * 7]
    assert set(desk.states().values()) == {"running"}


def test_one_that_takes_long_to_be_ready_does_not_hold_up_the_others(desk: Desk) -> None:
    slow = "[apps.slow]\ncommand = ['sleep', '1000']\nready = {output = 'never', timeout = '1h'}\n"
    desk.run("daemon", "start")
    with desk.popen("start", desk.write(slow, "a.toml")) as command:
        while "/a/slow" not in desk.states():
            pass
        desk.run("start", desk.write(PAIR))
        desk.run("kill", "--yes")
        command.communicate(timeout=50)
    desk.run("daemon", "start")
    desk.run("wait", "shop", "--for", "running", "--timeout", "30")
    assert desk.states()["/a/slow"] == "starting"
