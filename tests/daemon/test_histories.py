"""Restarts, limits and back-offs go on where they were when the daemon was killed, or has ended."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from supctl import App, Backoff, Supervisor, Tree, open_tree
from supctl.backends.simulated import Program, SimulatedBackend
from supctl.daemon.histories import Histories
from supctl.specs import Jitter
from supctl.supervision.history import NOTHING, History

from .conftest import Desk

pytestmark = pytest.mark.survival

CRASHER = """
[apps.crasher]
command = ["false"]
backoff = { initial = "10ms", factor = 80, maximum = 100, jitter = "none" }
"""

LIMITED = """
[apps.limited]
command = ["sleep", "1000"]
backoff = { initial = 0 }
max_restarts = 3
within = 600
"""


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it does not come so far"
        time.sleep(0.01)


def row(desk: Desk, name: str) -> dict[str, Any]:
    (row,) = desk.json("status", name)
    found: dict[str, Any] = row
    return found


def saved(desk: Desk, address: str) -> dict[str, Any]:
    """Return what is saved of a child; nothing if nothing is."""
    if not desk.home.histories.exists():
        return {}
    found: dict[str, Any] = json.loads(desk.home.histories.read_text())["children"].get(address, {})
    return found


def crash(desk: Desk, restarts: int) -> None:
    """Kill the app that is limited, and wait until it is back, after so many restarts."""
    os.kill(desk.pid("limited"), signal.SIGKILL)
    until(lambda: row(desk, "limited")["restarts"] == restarts)
    until(lambda: row(desk, "limited")["state"] == "running")


def test_a_back_off_goes_on(desk: Desk) -> None:
    desk.run("start", desk.write(CRASHER), "--no-wait")
    until(lambda: saved(desk, "/shop/crasher").get("restarts") == 3)  # 10 ms, 800 ms, 64 s
    desk.kill_all()
    desk.run("daemon", "start")
    until(lambda: desk.json("status"))
    crasher = row(desk, "crasher")
    assert (crasher["state"], crasher["restarts"], crasher["pid"]) == ("backoff", 3, None)
    assert 10 < crasher["due_in"] < 64
    desk.run("start", "crasher", "--no-wait")  # an operator does not wait for that
    until(lambda: row(desk, "crasher")["restarts"] == 6)


@pytest.mark.parametrize("how", ["killed", "stopped in order"])
def test_a_limit_is_used_up_by_what_was_before(desk: Desk, how: str) -> None:
    desk.run("start", desk.write(LIMITED))
    crash(desk, 1)
    crash(desk, 2)
    if how == "killed":
        until(lambda: saved(desk, "/shop/limited").get("restarts") == 2)
        desk.kill_all()
    else:
        desk.run("kill", "--yes")
    desk.run("daemon", "start")
    until(lambda: desk.json("status") and row(desk, "limited")["state"] == "running")
    assert row(desk, "limited")["restarts"] == 2
    crash(desk, 3)
    os.kill(desk.pid("limited"), signal.SIGKILL)
    until(lambda: row(desk, "limited")["state"] == "failed")


def test_a_reset_clears_the_limit_too_and_for_ever(desk: Desk) -> None:
    desk.run("start", desk.write(LIMITED))
    crash(desk, 1)
    crash(desk, 2)
    desk.run("reset", "limited")
    crash(desk, 1)
    crash(desk, 2)
    crash(desk, 3)
    desk.run("reset", "limited")
    until(lambda: not saved(desk, "/shop/limited"))
    desk.kill_all()
    desk.run("daemon", "start")
    until(lambda: desk.json("status"))
    assert row(desk, "limited")["restarts"] == 0


def test_who_was_deleted_begins_anew(desk: Desk) -> None:
    desk.run("start", desk.write(LIMITED))
    crash(desk, 1)
    until(lambda: saved(desk, "/shop/limited"))
    desk.run("delete", "shop", "--yes")
    until(lambda: not saved(desk, "/shop/limited"))
    desk.run("start", "shop.toml")
    assert row(desk, "limited")["restarts"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 2}',
        '{"version": 1, "at": 0, "children": {"/shop/limited": {"streak": 7, "recent": []}}',
        '{"version": 1, "at": 0, "children": {"/shop/limited": {"wait": -1, "recent": []}}}',
        '{"version": 1, "at": 0, "children": {"": {"recent": ["a"]}}}',
        '{"version": 1, "at": null, "children": {"x": {"recent": []}}}',
        '{"version": 1, "at": 0, "children": 3}',
    ],
)
async def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "histories.json"
    path.write_text(text)
    assert Histories(path, {"shop", "x", ""}).recall("/shop/limited") == NOTHING


async def test_time_that_passed_ages_it_and_a_clock_that_was_set_back_does_not(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "histories.json"
    told = {"restarts": 3, "streak": 2, "delay": 8.0, "recent": [5.0], "wait": 6.0}
    children = {"/shop/a": told, "/gone/a": told}
    path.write_text(json.dumps({"version": 1, "at": 1000.0, "children": children}))
    before = History(3, 2, 8.0, (5.0,), 6.0)
    for now, passed in [(1004.0, 4.0), (1100.0, 100.0), (900.0, 0.0)]:
        monkeypatch.setattr(time, "time", lambda now=now: now)
        histories = Histories(path, {"shop"})
        assert histories.recall("/shop/a") == before.aged(passed)
        assert histories.recall("/gone/a") == NOTHING


# The same in virtual time, where the daemon does not end and its tree does.


@asynccontextmanager
async def a_life(directory: Path, *lifetimes: float) -> AsyncIterator[tuple[Tree, Histories]]:
    """Live as the daemon does, with an app two supervisors deep that crashes after so many
    seconds, each time, and then no more."""
    steady = Backoff(initial=1, factor=10, maximum=1000, jitter=Jitter.NONE)
    app = App("app", ["app"], env={}, backoff=steady)
    inner = Supervisor("inner", [app], max_restarts=None)
    histories = Histories(directory / "histories.json", {"shop"})
    left = iter(lifetimes)
    backend = SimulatedBackend({"app": lambda _: Program(lifetime=next(left, None), code=1)})
    async with (
        open_tree(
            Supervisor("daemon", [Supervisor("shop", [inner], max_restarts=None)]),
            log_directory=directory / "logs",
            backend=backend,
            watch=histories,
        ) as tree,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(histories.keep)
        yield tree, histories
        tree.stop()
        await tree.ended.wait()
        await histories.save()
        nursery.cancel_scope.cancel()


def held(directory: Path) -> dict[str, Any]:
    """Return what is saved of the app."""
    children = json.loads((directory / "histories.json").read_text())["children"]
    found: dict[str, Any] = children.get("/shop/inner/app", {})
    return found


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do at once what is for a thread: virtual time would go on meanwhile."""

    async def call(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    monkeypatch.setattr(trio.to_thread, "run_sync", call)


async def test_a_back_off_of_a_tree_goes_on(
    autojump_clock: MockClock, no_threads: None, tmp_path: Path
) -> None:
    async with a_life(tmp_path, *[0.5] * 4) as (tree, _):
        await trio.sleep(20)  # after 1.5 and 12 seconds it is back, then it waits until 112.5
        assert tree["shop/inner/app"].restarts == 3
    async with a_life(tmp_path, *[0.5] * 4) as (tree, _):
        (row,) = [row for row in tree.status() if row.kind == "app"]
        assert (row.state, row.restarts) == ("backoff", 3)
        assert row.due_in is not None
        assert 50 < row.due_in < 100
        await trio.sleep(row.due_in + 0.75)
        assert tree["shop/inner/app"].restarts == 4
        (row,) = [row for row in tree.status() if row.kind == "app"]
        assert row.due_in == pytest.approx(1000 - 0.25)


async def test_a_stable_run_is_saved_though_nothing_happens(
    autojump_clock: MockClock, no_threads: None, tmp_path: Path
) -> None:
    async with a_life(tmp_path, 0.5) as (_, _):
        await trio.sleep(60)
        assert held(tmp_path)["streak"] == 1
        await trio.sleep(25)  # at 61.5 it has run for a minute
        assert held(tmp_path)["streak"] == 0


async def test_a_supervisor_that_is_restarted_begins_anew(
    autojump_clock: MockClock, no_threads: None, tmp_path: Path
) -> None:
    async with a_life(tmp_path, *[0.5] * 4) as (tree, histories):
        await trio.sleep(5)
        assert histories.recall("/shop/inner/app") == NOTHING  # it is only for those of before
        await tree["shop"].restart()
        assert tree["shop/inner/app"].restarts == 0
        await trio.sleep(0.25)
        await histories.save()
        assert held(tmp_path) == {}
