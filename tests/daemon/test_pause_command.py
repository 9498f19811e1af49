"""``supctl pause`` and ``resume``, as an operator meets them."""

from __future__ import annotations

import psutil
import pytest

from .conftest import Desk, until

WORK = """
[apps.work]
command = ["sh", "-c", "trap 'exit 5' TERM; setsid sleep 1000 & echo ready; while :; do wait; done"]

[apps.web]
[apps.web.apps.api]
command = ["sleep", "1000"]
instances = 2
"""


@pytest.fixture
def working(desk: Desk) -> Desk:
    """A desk with a program whose child has left its session."""
    desk.run("start", desk.write(WORK))
    with desk.client() as client:
        until(lambda: client.status("work", usage=True)[0]["processes"] == 2)
    until(lambda: "ready" in desk.run("logs", "work"))
    return desk


def processes(desk: Desk) -> list[psutil.Process]:
    (row,) = desk.json("inspect", "work")
    return [psutil.Process(pid) for pid in (row["pid"], *row["descendants"])]


def wait_until(of: list[psutil.Process], *, stopped: bool) -> None:
    until(lambda: {it.status() == psutil.STATUS_STOPPED for it in of} == {stopped})


def test_all_processes_of_a_program_stand_still_and_go_on(working: Desk) -> None:
    assert working.run("pause", "work") == "shop/work paused\n"
    ours = processes(working)
    assert len(ours) == 2
    wait_until(ours, stopped=True)
    assert working.states()["/shop/work"] == "paused"
    assert "by request" in working.run("status")
    assert working.run("pause", "work") == "shop/work was paused\n"
    assert working.run("resume", "work") == "shop/work goes on\n"
    wait_until(ours, stopped=False)
    assert working.states()["/shop/work"] == "running"
    assert "wanted an app that is paused" in working.run("resume", "work", status=1)
    assert "shop/work goes on" in working.run("events", "work")


def test_what_is_paused_ends_in_order(working: Desk) -> None:
    working.run("pause", "work")
    wait_until(processes(working), stopped=True)
    assert working.run("stop", "work") == "shop/work stopped (exit status 5)\n"


def test_a_start_lets_it_go_on(working: Desk) -> None:
    working.run("pause", "work")
    assert working.run("start", "work") == "shop/work goes on\n"


def test_what_a_supervisor_holds_is_paused(working: Desk) -> None:
    working.run("stop", "api:1")
    assert working.run("pause", "web") == "shop/web/api:2 paused\n"
    assert "wanted an app that runs" in working.run("pause", "api:1", status=1)
    assert working.run("resume", "shop") == "shop/web/api:2 goes on\n"


PROBED = """
[apps.work]
command = ["sleep", "1000"]
health = { exec = ["true"], interval = "10ms", retries = 1 }
"""


def test_what_is_paused_is_not_held_to_be_ill(desk: Desk) -> None:
    desk.run("start", desk.write(PROBED))
    before = desk.pid("work")
    desk.run("pause", "work")
    told = desk.run("wait", "work", "--for", "exit", "--timeout", "0.5", status=1)  # 50 questions
    assert "shop/work has not ended after 500 ms: paused" in told
    desk.run("resume", "work")
    assert desk.pid("work") == before
