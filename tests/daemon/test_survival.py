"""The daemon is killed, and what it keeps alive does not notice."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import sys
import threading
import time
from functools import partial
from typing import Any

import psutil
import pytest

from supctl.backends.reaper.foreign import can_tell_exits
from supctl.control.client import Client
from supctl.control.reaching import reach
from supctl.errors import ConnectionLost

from .conftest import Desk, until

pytestmark = pytest.mark.survival

SHOP = """
[apps.ticking]
command = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"]
[apps.web]
command = ["{python}", "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
ready = {{ tcp = {port} }}
[apps.once]
command = ["sh", "-c", "echo run"]
restart = "never"
"""

DEAF = """
[apps.deaf]
command = ["sh", "-c", "trap '' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done"]
stop = { grace = "2s" }
log = { together = true }
"""

TELLING = """
import os, socket, sys, time
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = "\\0" + os.environ["NOTIFY_SOCKET"][1:]
out.sendto(b"READY=1", address)
while True:
    time.sleep(0.2)
    out.sendto(b"WATCHDOG=1\\nSTATUS=well at %.3f" % time.monotonic(), address)
"""


def kill_daemon(desk: Desk) -> int:
    """Kill the daemon; return the pid that it had."""
    with desk.client() as client:
        pid: int = client.daemon["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


def row(desk: Desk, name: str) -> dict[str, Any]:
    (row,) = desk.json("status", name)
    found: dict[str, Any] = row
    return found


def facts(desk: Desk) -> dict[str, list[Any]]:
    """Return what must not change for any child."""
    names = ("state", "pid", "restarts", "health")
    return {it["address"]: [it[name] for name in names] for it in desk.json("status")}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def start(desk: Desk, text: str, *more: str) -> None:
    desk.run("start", desk.write(text), *more)


def test_everything_goes_on_as_it_was(desk: Desk) -> None:
    start(desk, SHOP.format(python=sys.executable, port=free_port()))
    until(lambda: row(desk, "once")["state"] == "exited")
    before, reaper = facts(desk), psutil.Process(desk.json("daemon", "status")["pid"]).ppid()
    for _ in range(3):
        killed = kill_daemon(desk)
        assert facts(desk) == before
        pid = desk.json("daemon", "status")["pid"]
        assert (pid != killed, psutil.Process(pid).ppid()) == (True, reaper)
    desk.run("stop", "all")
    logs = desk.home.logs / "shop"
    numbers = [int(line) for line in (logs / "ticking.out.log").read_text().splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (logs / "once.out.log").read_text() == "run\n"


def test_an_uptime_is_that_of_the_program(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    began = psutil.Process(desk.pid("a")).create_time()
    kill_daemon(desk)
    asked_at = time.time()
    uptime = row(desk, "a")["uptime"]
    assert asked_at - began - 0.1 < uptime < time.time() - began + 0.1


def test_who_ends_meanwhile_is_restarted_for_the_true_reason(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    pid = desk.pid("a")
    kill_daemon(desk)
    os.kill(pid, signal.SIGSEGV)
    until(lambda: row(desk, "a")["restarts"] == 1)
    assert row(desk, "a")["end"]["signal"] == signal.SIGSEGV


def test_a_back_off_goes_on(desk: Desk) -> None:
    start(
        desk,
        "[apps.a]\ncommand = ['false']\n"
        "backoff = { initial = '10ms', factor = 80, jitter = 'none', maximum = '10m' }\n",
        "--no-wait",
    )
    until(lambda: row(desk, "a")["restarts"] == 3)  # 10 ms, 800 ms, 64 s
    left = row(desk, "a")["due_in"]
    kill_daemon(desk)
    after = row(desk, "a")
    assert (after["state"], after["restarts"], after["end"]["code"]) == ("backoff", 3, 1)
    assert left - 20 < after["due_in"] < left


def test_a_stop_that_has_begun_goes_on(desk: Desk) -> None:
    start(desk, DEAF)
    deaf = psutil.Process(desk.pid("deaf"))
    asked_at = time.monotonic()
    desk.run("stop", "deaf", "--no-wait")
    until(lambda: row(desk, "deaf")["state"] == "stopping")
    kill_daemon(desk)
    assert psutil.wait_procs([deaf], timeout=20)[1] == []
    assert time.monotonic() - asked_at >= 2
    until(lambda: row(desk, "deaf")["state"] == "stopped")
    desk.run("daemon", "stop")
    told = (desk.home.logs / "shop" / "deaf.all.log").read_text().splitlines()
    assert list(dict.fromkeys(told)) == [str(it) for it in range(1, int(told[-1]) + 1)]
    assert int(told[-1]) >= 15  # also what it wrote when its daemon was gone


def test_a_restart_that_has_begun_is_brought_to_its_end(desk: Desk) -> None:
    start(desk, DEAF)
    deaf = psutil.Process(desk.pid("deaf"))
    desk.run("restart", "deaf", "--no-wait")
    until(lambda: row(desk, "deaf")["state"] == "stopping")
    kill_daemon(desk)
    until(lambda: row(desk, "deaf")["state"] == "running")
    assert psutil.wait_procs([deaf], timeout=20)[1] == []
    assert desk.pid("deaf") != deaf.pid


def test_what_was_not_to_run_does_not_and_what_was_does(desk: Desk) -> None:
    start(
        desk,
        "[apps.asked]\ncommand = ['sleep', '1000']\nautostart = false\n"
        "[apps.stopped]\ncommand = ['sleep', '1000']\n"
        "[apps.failed]\ncommand = ['false']\ngive_up_after = 1\n"
        "backoff = { initial = '1ms', jitter = 'none' }\n"
        "[apps.leader]\ncommand = ['false']\n"
        "backoff = { initial = '1h', maximum = '1h' }\n"
        "[apps.led]\ncommand = ['sleep', '1000']\ndepends_on = ['asked']\n",
        "--no-wait",
    )
    until(lambda: row(desk, "failed")["state"] == "failed")
    desk.run("start", "asked")
    desk.run("stop", "stopped")
    until(lambda: row(desk, "led")["state"] == "running")
    before = facts(desk)
    kill_daemon(desk)
    assert facts(desk) == before


def test_what_has_completed_is_not_run_once_more(desk: Desk) -> None:
    """It counts under the next daemon too, for who has waited and for who is new."""
    done, file = desk.directory / "done", desk.directory / "runs"
    jobs = (
        f"[apps.migrate]\ncommand = ['sh', '-c', 'echo run >> {file}']\nrestart = 'never'\n"
        f"[apps.seed]\ncommand = ['sh', '-c', 'until [ -e {done} ]; do sleep 0.1; done; exit 3']\n"
        "restart = 'never'\n"
        "[apps.api]\ncommand = ['sleep', '1000']\n"
        "depends_on = { migrate = 'completed', seed = 'ended' }\n"
    )
    start(desk, jobs)
    until(lambda: row(desk, "api")["waits_for"] == ["seed to end (running)"])
    kill_daemon(desk)
    assert row(desk, "api")["waits_for"] == ["seed to end (running)"]
    done.touch()
    until(lambda: row(desk, "api")["state"] == "running")
    pid = desk.pid("api")
    kill_daemon(desk)
    late = (
        "[apps.late]\ncommand = ['sleep', '1000']\n"
        "depends_on = { migrate = 'completed', seed = 'completed' }\n"
    )
    desk.run("apply", desk.write(jobs + late))
    (lacks,) = row(desk, "late")["waits_for"]
    assert lacks == "seed to complete (exited with code 3)"
    assert (desk.pid("api"), file.read_text()) == (pid, "run\n")


def test_who_depends_on_what_is_down_runs_on(desk: Desk) -> None:
    start(
        desk,
        "[apps.db]\ncommand = ['sleep', '1000']\n"
        "backoff = { initial = '1h', maximum = '1h' }\n"
        "[apps.api]\ncommand = ['sleep', '1000']\ndepends_on = ['db']\n",
    )
    os.kill(desk.pid("db"), signal.SIGKILL)
    until(lambda: row(desk, "db")["state"] == "backoff")
    before = facts(desk)
    kill_daemon(desk)
    assert facts(desk) == before


def test_who_tells_how_it_is_goes_on_telling(desk: Desk) -> None:
    (desk.directory / "telling.py").write_text(TELLING)
    start(
        desk,
        f"[apps.a]\ncommand = ['{sys.executable}', 'telling.py']\n"
        "ready = { notify = true }\nhealth = { watchdog = '2s' }\n",
    )
    pid = desk.pid("a")
    kill_daemon(desk)

    def told_at() -> float:
        said = desk.json("describe", "a")["status_text"]
        return float(said.removeprefix("well at ")) if said else 0.0

    now = time.monotonic()
    until(lambda: told_at() > now + 3)
    assert (row(desk, "a")["state"], desk.pid("a")) == ("ready", pid)


def test_who_is_paused_stays_so(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    desk.run("pause", "a")
    kill_daemon(desk)
    assert row(desk, "a")["state"] == "paused"
    desk.run("resume", "a")
    assert row(desk, "a")["state"] == "running"
    assert psutil.Process(desk.pid("a")).status() == psutil.STATUS_SLEEPING


def test_what_changed_while_nobody_looked_is_restarted(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n[apps.b]\ncommand = ['sleep', '1001']\n")
    before = facts(desk)
    held = desk.home.desired.read_text()
    desk.home.desired.write_text(held.replace('"1000"', '"2000"'))
    kill_daemon(desk)
    until(lambda: row(desk, "a")["state"] == "running")
    assert facts(desk)["/shop/b"] == before["/shop/b"]
    assert psutil.Process(desk.pid("a")).cmdline()[1] == "2000"
    assert not psutil.pid_exists(before["/shop/a"][1])


def test_a_project_that_is_gone_is_ended(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    a = psutil.Process(desk.pid("a"))
    held = json.loads(desk.home.desired.read_text())
    held["projects"] = {}
    desk.home.desired.write_text(json.dumps(held))
    kill_daemon(desk)
    assert psutil.wait_procs([a], timeout=20)[1] == []


def test_a_daemon_that_cannot_begin_leaves_all_as_it_is(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    before, held = facts(desk), desk.home.desired.read_text()
    desk.home.desired.write_text("{ damaged")
    kill_daemon(desk)
    until(lambda: desk.home.log.read_text().count("no JSON") > 2)
    assert psutil.pid_exists(before["/shop/a"][1])
    desk.home.desired.write_text(held)
    assert facts(desk) == before


def test_a_command_waits_for_the_next_daemon(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    kill_daemon(desk)
    assert desk.run("stop", "a") == "shop/a stopped (exit status 143)\n"


def test_killed_twice_within_moments(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    before, reaper = facts(desk), psutil.Process(desk.json("daemon", "status")["pid"]).parent()
    assert reaper is not None
    kill_daemon(desk)
    for _ in range(5):
        until(reaper.children)
        for child in reaper.children():
            if child.pid != before["/shop/a"][1]:
                child.kill()
    assert facts(desk) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_reaper_is_for_the_daemon(desk: Desk, number: int) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    a, daemon = psutil.Process(desk.pid("a")), psutil.Process(kill_daemon(desk))
    until(lambda: row(desk, "a")["state"] == "running")
    daemon = psutil.Process(desk.json("daemon", "status")["pid"])
    reaper = daemon.parent()
    assert reaper is not None
    reaper.send_signal(number)
    assert psutil.wait_procs([a, daemon, reaper], timeout=20)[1] == []


def kill_reaper(desk: Desk) -> psutil.Process:
    """Kill the reaper, and wait until another one is there; return the one that was."""
    with desk.client() as client:
        daemon = psutil.Process(client.daemon["pid"])
        parent = daemon.parent()
        assert parent is not None
        events = client.events(follow=True)
        parent.kill()
        assert any(it["event"] == "reaper_restarted" for it in events)
    return parent


def test_the_reaper_is_lost_and_programs_go_on(desk: Desk) -> None:
    start(desk, SHOP.format(python=sys.executable, port=free_port()))
    until(lambda: row(desk, "once")["state"] == "exited")
    before = facts(desk)
    kill_reaper(desk)
    assert facts(desk) == before
    for _ in range(2):  # under a daemon that has started the reaper, and one that it has started
        kill_daemon(desk)
        assert facts(desk) == before
    desk.run("stop", "all")
    text = (desk.home.logs / "shop" / "ticking.out.log").read_text()
    numbers = [int(line) for line in text.splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.skipif(not can_tell_exits(), reason="this kernel (before 6.15) does not tell exits")
def test_the_end_of_who_was_started_by_another_reaper_is_known(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n[apps.b]\ncommand = ['sleep', '1000']\n")
    kill_reaper(desk)
    a = psutil.Process(desk.pid("a"))
    a.send_signal(signal.SIGSEGV)
    if a.ppid() == os.getpid():
        os.waitpid(a.pid, 0)  # as whoever else inherits orphans does
    until(lambda: row(desk, "a")["restarts"] == 1)
    assert row(desk, "a")["end"]["signal"] == signal.SIGSEGV


def test_a_reaper_is_lost_after_a_daemon(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    before = facts(desk)
    kill_daemon(desk)
    kill_reaper(desk)
    kill_daemon(desk)
    assert facts(desk) == before


def test_who_asks_and_who_follows_goes_on_with_the_next_daemon(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sleep', '1000']\n")
    home = desk.home
    with Client(reach(home), partial(reach, home)) as asking:
        seen: queue.Queue[dict[str, Any]] = queue.Queue()

        def follow() -> None:
            with Client(reach(home), partial(reach, home)) as client:
                for event in client.events(follow=True):
                    seen.put(event)
                    if event["event"] == "tree_stopped":
                        return

        follower = threading.Thread(target=follow)
        follower.start()
        for _ in range(3):
            kill_daemon(desk)
            (outcome,) = asking.stop("a")
            assert outcome["error"] is None
            asking.start("a")
        desk.run("kill", "--yes")
        follower.join(20)
    told = [event["seq"] for event in seen.queue]
    assert told == sorted(set(told))
    assert [event["event"] for event in seen.queue].count("child_exited") >= 3


def test_what_may_have_been_done_is_not_done_again(desk: Desk) -> None:
    start(desk, "[apps.a]\ncommand = ['sh', '-c', \"trap '' TERM; while :; do sleep 0.1; done\"]\n")
    home = desk.home
    with Client(reach(home), partial(reach, home)) as client, Client(reach(home)) as other:
        threading.Timer(0.3, os.kill, (client.daemon["pid"], signal.SIGKILL)).start()
        with pytest.raises(ConnectionLost, match="look whether restart was done"):
            client.restart("a")
        assert client.ping() == "pong"
        with pytest.raises(ConnectionLost):
            other.ping()


@pytest.mark.parametrize("force", [False, True])
def test_what_the_reaper_was_told_last_is_not_lost_with_it(desk: Desk, force: bool) -> None:
    text = "trap 'echo told; exit' TERM; echo up; while :; do sleep 0.1; done"
    app = f'[apps.a]\ncommand = ["sh", "-c", "{text}"]\nready = {{ output = "up" }}\n'
    start(desk, app + 'stop = { grace = "1h", force = "1h" }\n')
    with desk.client() as client:
        reaper = client.about()["reaper"]
        os.kill(reaper, signal.SIGSTOP)
        client.stop("a", graceful=not force, wait=False)
        until(lambda: client.status("a")[0]["state"] == "stopping")
        os.kill(reaper, signal.SIGKILL)
        until(lambda: client.status("a")[0]["state"] == "stopped")
    said = (desk.home.logs / "shop" / "a.out.log").read_text()
    assert said == ("up\n" if force else "up\ntold\n")
