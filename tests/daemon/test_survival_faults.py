"""The daemon is killed in the middle of something: while it saves, rotates, starts, or stops."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from supctl.control.client import Client
from supctl.control.reaching import reach
from supctl.errors import ConnectionLost, ProcessNotFound
from tests.logs.numbered import files_of, verify

from .conftest import Desk, until
from .test_survival import facts, kill_daemon, row, start

pytestmark = pytest.mark.survival

SLEEPER = "[apps.a]\ncommand = ['sleep', '1000']\n"
TREE = {"apps": {"b": {"command": ["sleep", "1001"], "cwd": "/", "inherit_env": "nothing"}}}

COUNTING = [sys.executable, "-SI", str(Path(__file__).parents[1] / "programs" / "number_lines.py")]


def steady(desk: Desk) -> Client:
    return Client(reach(desk.home), partial(reach, desk.home))


@contextmanager
def killed_after(client: Client, seconds: float) -> Iterator[None]:
    """Kill the daemon so many seconds after the block has begun; at its end that has happened."""
    timer = threading.Timer(seconds, os.kill, (client.about()["pid"], signal.SIGKILL))
    timer.start()
    yield
    timer.join()


# It saves.


def test_half_of_what_should_run_is_never_read(desk: Desk) -> None:
    start(desk, SLEEPER)
    held, before = desk.home.desired.read_bytes(), facts(desk)
    new = desk.home.desired.with_suffix(".new")
    os.mkfifo(new)  # which takes no more than a part of it, and then blocks
    file = desk.write(SLEEPER + f"env = {{ LONG = '{'x' * 100_000}' }}\n", "long.toml")
    with desk.popen("start", file) as command:
        fifo = os.open(new, os.O_RDONLY)
        part = os.read(fifo, 1)
        kill_daemon(desk)
        new.unlink()
        os.close(fifo)
        assert part == held[:1]
        assert desk.home.desired.read_bytes() == held
        assert command.communicate(timeout=50) == ("long added\n", "")  # by the next daemon
    assert {it: facts(desk)[it] for it in before} == before
    assert list(json.loads(desk.home.desired.read_text())["projects"]) == ["shop", "long"]


def test_what_should_run_is_as_before_or_as_it_was_asked(desk: Desk) -> None:
    start(desk, SLEEPER)
    before, chance = facts(desk), random.Random(7)

    def held() -> set[str]:
        return set(json.loads(desk.home.desired.read_bytes())["projects"])

    with steady(desk) as client:
        for wanted in [True, False] * 3:
            with killed_after(client, chance.uniform(0, 0.05)):
                if wanted:
                    client.add("more", TREE, wait=False)
                else:
                    delete(client, "more")
                assert ("more" in held()) == wanted
            assert ("more" in held()) == wanted
            assert ("more" in {it["name"] for it in client.projects()}) == wanted
    assert facts(desk) == before


def delete(client: Client, name: str) -> None:
    """Delete a project, and again if nobody knows whether that was done."""
    with suppress(ProcessNotFound):  # it was done
        try:
            client.delete(name)
        except ConnectionLost:
            client.delete(name)


# It rotates.


def test_nothing_is_lost_or_doubled_where_files_are_rotated(desk: Desk) -> None:
    lines, rate = 150_000, 25_000
    log = "max_size = '100K', keep = 'unlimited'"
    start(
        desk,
        f"[apps.plain]\ncommand = {[*COUNTING, str(lines), str(rate)]}\n"
        f"restart = 'never'\nlog = {{ {log} }}\n"
        f"[apps.packed]\ncommand = {[*COUNTING, str(lines), str(rate)]}\n"
        f"restart = 'never'\nlog = {{ {log}, compress = 'gzip' }}\n",
    )
    chance = random.Random(11)
    with steady(desk) as client:
        for _ in range(4):
            with killed_after(client, chance.uniform(0.1, 0.5)):
                for _ in range(5):
                    client.rotate_logs()
        assert client.wait("plain", "packed", wanted="stopped", timeout=40)["held"]
    for name in ("plain", "packed"):
        assert row(desk, name)["end"]["code"] == 0
        assert verify(files_of(desk.home.logs / "shop" / f"{name}.out.log"), lines) > 20


# It starts.

ALONE = """
[apps.{name}]
command = ["sh", "-c", "exec 9>>{name}; flock -n 9 || echo {name} >> doubles; exec sleep {mark}"]
"""


@pytest.mark.timeout(120)
def test_nothing_is_started_twice_and_nothing_is_left(desk: Desk) -> None:
    names = [f"a{number}" for number in range(10)]
    mark = f"1000000.{os.getpid()}"
    start(desk, "".join(ALONE.format(name=name, mark=mark) for name in names), "--no-wait")
    chance = random.Random(13)
    with steady(desk) as client:
        for _ in range(3):
            for _ in range(2):
                with killed_after(client, chance.uniform(0, 0.2)):
                    client.start("all", wait=False)
            assert client.wait("all", wanted="running", timeout=40)["held"]
            rows = client.status()
            pids = {it["pid"] for it in rows if it["address"] != "/shop"}
            assert pids == processes("sleep", mark)
            assert len(pids) == len(names)
            client.stop("all", wait=False)
        client.stop("all")
    assert processes("sleep", mark) == set()
    assert not (desk.directory / "doubles").exists()


def processes(*command: str) -> set[int]:
    """Return the pids of those that run a command."""
    found = psutil.process_iter(["pid", "cmdline"])
    return {it.info["pid"] for it in found if it.info["cmdline"] == [*command]}


# It stops.

DEAF = """
[apps.a]
command = ["sh", "-c", "trap 'echo asked >> asked' TERM; while :; do sleep 0.1; done"]
"""


def test_who_is_deaf_is_asked_once_and_has_the_whole_of_its_grace(desk: Desk) -> None:
    start(desk, DEAF + "stop = { grace = '6s' }\n")
    a = psutil.Process(desk.pid("a"))
    asked_at = time.monotonic()
    desk.run("stop", "a", "--no-wait")
    until((desk.directory / "asked").exists)
    with steady(desk) as client:
        for _ in range(3):
            kill_daemon(desk)
            client.ping()
        due_at = max(asked_at + 6, time.monotonic())
        assert psutil.wait_procs([a], timeout=20)[1] == []
        assert asked_at + 6 <= time.monotonic() < due_at + 3
        assert (desk.directory / "asked").read_text() == "asked\n"
        until(lambda: client.status("a")[0]["state"] == "stopped")


def test_a_stop_is_over_when_nothing_is_left(desk: Desk) -> None:
    start(desk, DEAF + "stop = { grace = '4s' }\n")
    a = psutil.Process(desk.pid("a"))
    with desk.popen("stop", "a") as command:
        until((desk.directory / "asked").exists)
        kill_daemon(desk)
        assert command.communicate(timeout=50) == (
            "shop/a was being stopped (exit status 137)\n",
            "",
        )
    assert not a.is_running()
    assert row(desk, "a")["state"] == "stopped"


def test_what_is_being_stopped_can_be_killed_and_started(desk: Desk) -> None:
    start(desk, DEAF + "stop = { grace = '1h' }\n[apps.b]\ncommand = ['sleep', '1000']\n")
    for _ in range(2):
        a = psutil.Process(desk.pid("a"))
        (desk.directory / "asked").unlink(missing_ok=True)
        desk.run("stop", "a", "--no-wait")
        until((desk.directory / "asked").exists)
        kill_daemon(desk)
        assert (row(desk, "a")["state"], row(desk, "b")["state"]) == ("stopping", "running")
        desk.run("stop", "a", "--force")
        assert not a.is_running()
        desk.run("start", "a")
        assert row(desk, "a")["state"] == "running"
    desk.run("stop", "a", "--force")


# It has just begun.


def test_killed_twice_within_50_ms(desk: Desk) -> None:
    start(desk, SLEEPER)
    before, took = facts(desk), []
    for _ in range(3):
        took.append(kill_twice(desk))
        assert facts(desk) == before
    assert min(took) < 0.05


def kill_twice(desk: Desk) -> float:
    """Kill the daemon, and the next one as soon as it is there; return the seconds in between."""
    reaper = psutil.Process(desk.json("daemon", "status")["pid"]).ppid()
    children = Path(f"/proc/{reaper}/task/{reaper}/children")
    before = {*children.read_text().split()}
    kill_daemon(desk)
    killed_at = time.monotonic()
    while not (successors := {*children.read_text().split()} - before):
        assert time.monotonic() < killed_at + 20
    for successor in successors:
        os.kill(int(successor), signal.SIGKILL)
    return time.monotonic() - killed_at


# Both are lost.


def test_what_nobody_holds_is_ended_by_the_next_start_which_says_so(desk: Desk) -> None:
    mark = f"1000001.{os.getpid()}"
    start(
        desk,
        f"[apps.a]\ncommand = ['sh', '-c', 'setsid sleep {mark} & exec sleep {mark}']\n"
        f"[apps.deaf]\ncommand = ['sh', '-c', \"trap '' TERM; sleep {mark}; sleep {mark}\"]\n"
        "stop = { grace = '100ms' }\n",
    )
    until(lambda: len(processes("sleep", mark)) == 3)
    left = processes("sleep", mark) | {desk.pid("deaf")}
    with subprocess.Popen(["sleep", mark]) as stranger:
        desk.kill_all()
        assert all(map(psutil.pid_exists, left))
        said = desk.run("start", "shop.toml", "--no-wait")
        told = "supctl: daemon and reaper were both lost; what they had left has been ended: pid "
        (line,) = (it for it in said.splitlines() if it.startswith(told))
        assert {int(pid) for pid in line.removeprefix(told).split(", ")} == left
        assert not left & processes("sleep", mark)
        assert stranger.poll() is None
        stranger.kill()
    assert "both lost" not in desk.run("start", "shop.toml")
    assert {*desk.states().values()} == {"running"}
