"""``supctl stop``, as an operator meets it."""

from __future__ import annotations

import psutil

from .conftest import Desk

DEAF = """
[apps.deaf]
command = ["sh", "-c", "trap '' TERM; setsid sleep 1000 & echo deaf; while :; do wait; done"]
stop = { grace = "1h" }
"""


def start_deaf(desk: Desk) -> list[psutil.Process]:
    desk.run("start", desk.write(DEAF))
    while "deaf" not in desk.run("logs", "deaf"):
        pass
    (row,) = desk.json("inspect", "deaf")
    return [psutil.Process(pid) for pid in (row["pid"], *row["descendants"])]


def test_whom_nobody_asks(desk: Desk) -> None:
    processes = start_deaf(desk)
    assert len(processes) == 2
    assert desk.run("stop", "deaf", "--force") == "shop/deaf killed (exit status 137)\n"
    assert not any(it.is_running() for it in processes)
    assert "shop/deaf is ended by force" in desk.run("events", "deaf")
    assert desk.run("stop", "deaf", "--force") == "shop/deaf was stopped (exit status 137)\n"


def test_who_loses_patience_does_not_wait(desk: Desk) -> None:
    start_deaf(desk)
    with desk.popen("stop", "deaf") as command, desk.client() as client:
        for event in client.events("deaf", follow=True):
            if event["event"] == "child_stopping":
                break
        assert desk.states()["/shop/deaf"] == "stopping"
        (outcome,) = client.stop("deaf", graceful=False)
        assert (outcome["did"], outcome["status"]) == ("killed", 137)
        assert "shop/deaf stopped (exit status 137)" in command.communicate(timeout=50)[0]


def test_who_loses_patience_with_everything_does_not_wait(desk: Desk) -> None:
    processes = start_deaf(desk)
    said = desk.run("kill", "--yes", "--timeout", "0.2", status=1)
    assert "the daemon did not answer shutdown within 0.2 s" in said
    assert "being stopped" in desk.run("kill", "--yes", "--no-wait")
    assert desk.states()["/shop/deaf"] == "stopping"
    assert "has ended" in desk.run("kill", "--yes", "--force")
    assert not any(it.is_running() for it in processes)


def test_a_start_of_all_starts_what_was_stopped_below(desk: Desk) -> None:
    apps = "".join(f"[apps.{name}]\ncommand = ['sleep', '1000']\n" for name in "abc")
    desk.run("start", desk.write(apps))
    desk.run("stop", "a", "c")
    told = desk.run("start", "shop")
    assert told == "shop was running\nshop/a started\nshop/c started\n"


def test_what_was_killed_stays_stopped(desk: Desk) -> None:
    desk.run("start", desk.write(DEAF + "restart = 'unless-stopped'\n"))
    desk.run("stop", "deaf", "--force")
    desk.run("kill", "--yes")
    desk.run("daemon", "start")
    assert desk.states() == {"/shop": "running", "/shop/deaf": "stopped"}
