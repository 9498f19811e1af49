"""What supervisors themselves were about when the daemon was killed goes on with the next one."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any

import psutil
import pytest

from .conftest import Desk, until

pytestmark = pytest.mark.survival

GROUP = """
[supervisor]
strategy = "one_for_all"
[apps.lead]
command = ["sleep", "1000"]
backoff = {{ initial = "{initial}", maximum = "1h", jitter = "none" }}
[apps.calm]
command = ["sleep", "1000"]
[apps.deaf]
command = ["sh", "-c", "trap asked=1 TERM; until test $asked && test -e free; do sleep 0.1; done"]
stop = {{ grace = "5m" }}
"""

NESTED = """
[apps.inner]
max_restarts = 2
within = "10m"
backoff = { initial = "1h", maximum = "1h", jitter = "none" }
[apps.inner.apps.a]
command = ["sleep", "1000"]
backoff = { initial = 0 }
[apps.inner.apps.deaf]
command = ["sh", "-c", "trap asked=1 TERM; until test $asked && test -e free; do sleep 0.1; done"]
stop = { grace = "5m" }
[apps.inner.apps.last]
command = ["sleep", "1000"]
"""


def kill_daemon(desk: Desk) -> None:
    with desk.client() as client:
        os.kill(client.daemon["pid"], signal.SIGKILL)


def rows(desk: Desk) -> dict[str, Any]:
    return {it["address"].rpartition("/")[2]: it for it in desk.json("status")}


def has_come_back(desk: Desk, times: int) -> bool:
    row = rows(desk)["a"]
    return (row["state"], row["restarts"]) == ("running", times)


@pytest.mark.parametrize("initial", ["0s", "1h"])
def test_a_group_restart_that_was_half_done_is_done(desk: Desk, initial: str) -> None:
    desk.run("start", desk.write(GROUP.format(initial=initial)))
    before = rows(desk)
    os.kill(before["lead"]["pid"], signal.SIGKILL)
    until(lambda: rows(desk)["deaf"]["state"] == "stopping")
    deaf, calm = (psutil.Process(before[name]["pid"]) for name in ("deaf", "calm"))
    for _ in range(2):
        kill_daemon(desk)
        assert rows(desk)["calm"]["pid"] == calm.pid  # its turn comes when the deaf one has ended
    (desk.directory / "free").touch()
    assert psutil.wait_procs([deaf, calm], timeout=20)[1] == []
    if initial == "0s":
        until(lambda: {it["state"] for it in rows(desk).values()} == {"running"})
        assert [it["restarts"] for it in rows(desk).values()][1:] == [1, 0, 0]
    else:
        until(lambda: {it["state"] for it in rows(desk).values()} == {"running", "backoff"})
        assert rows(desk)["calm"]["due_in"] > 3000
        desk.run("start", "lead")
        assert rows(desk)["lead"]["state"] == "running"


def test_a_supervisor_of_a_group_is_stopped_with_all_that_is_in_it(desk: Desk) -> None:
    text = GROUP.format(initial="0s").replace("[apps.calm]", "[apps.inner.apps.calm]")
    desk.run("start", desk.write(text.replace("[apps.deaf]", "[apps.inner.apps.deaf]")))
    before = rows(desk)
    programs = [psutil.Process(before[name]["pid"]) for name in ("lead", "calm", "deaf")]
    programs[0].kill()
    until(lambda: rows(desk)["deaf"]["state"] == "stopping")
    for _ in range(2):
        kill_daemon(desk)
        assert rows(desk)["calm"]["pid"] == before["calm"]["pid"]
        assert rows(desk)["deaf"]["state"] == "stopping"
    (desk.directory / "free").touch()
    assert psutil.wait_procs(programs, timeout=20)[1] == []
    until(lambda: {it["state"] for it in rows(desk).values()} == {"running"})
    assert {it["restarts"] for it in rows(desk).values()} == {0, 1}


def test_restarts_count_against_an_intensity_over_takeovers(desk: Desk) -> None:
    desk.run("start", desk.write(NESTED))
    for crashes in range(1, 4):
        os.kill(rows(desk)["a"]["pid"], signal.SIGKILL)
        if crashes < 3:
            until(partial(has_come_back, desk, crashes))
            kill_daemon(desk)
    until(lambda: rows(desk)["deaf"]["state"] == "stopping")
    kill_daemon(desk)  # while it ends as it has given up
    assert rows(desk)["inner"]["state"] == "stopping"
    (desk.directory / "free").touch()
    until(lambda: rows(desk)["inner"]["state"] == "backoff")
    assert "gave up: more than 2 restarts within 10 min" in desk.run("why", "inner")


def test_a_supervisor_that_was_being_stopped_is_and_can_be_started_again(desk: Desk) -> None:
    desk.run("start", desk.write(NESTED))
    programs = [psutil.Process(rows(desk)[name]["pid"]) for name in ("a", "deaf", "last")]
    desk.run("stop", "inner", "--no-wait")
    until(lambda: rows(desk)["deaf"]["state"] == "stopping")
    kill_daemon(desk)
    (desk.directory / "free").touch()
    assert psutil.wait_procs(programs, timeout=20)[1] == []
    assert rows(desk)["inner"]["state"] == "stopped"
    desk.run("start", "inner")
    assert {it["state"] for it in rows(desk).values()} == {"running"}
    assert "runs on" not in desk.run("why", "inner")


def test_an_end_in_order_goes_on(desk: Desk) -> None:
    desk.run("start", desk.write(GROUP.format(initial="0s")))
    daemon = psutil.Process(desk.json("daemon", "status")["pid"])
    reaper = daemon.parent()
    assert reaper is not None
    programs = [psutil.Process(rows(desk)[name]["pid"]) for name in ("lead", "calm", "deaf")]
    daemon.terminate()
    until(lambda: rows(desk)["deaf"]["state"] == "stopping")
    kill_daemon(desk)
    until(lambda: rows(desk)["deaf"]["state"] == "stopping")
    assert all(it.is_running() for it in programs)
    (desk.directory / "free").touch()
    assert psutil.wait_procs([*programs, reaper], timeout=20)[1] == []
