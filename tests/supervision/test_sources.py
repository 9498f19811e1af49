"""Programs that are restarted when their sources change: real programs, real edits."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from supctl import App, Backoff, Log, Sources, Supervisor, open_tree
from supctl import events as ev
from supctl.backends.inotify import Inotify
from supctl.supervision.eventlog import Subscription
from supctl.supervision.tree import Tree
from supctl.watching import lookout

_SOON = Sources(debounce=0.02)

_RUNS_MAIN = ["sh", "-c", ". ./main.sh"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "main.sh").write_text("exec sleep 100")
    return folder


def app(folder: Path, name: str = "api", **keys: Any) -> App:
    keys = {"watch": _SOON, **keys}
    return App(name, _RUNS_MAIN, cwd=str(folder), **keys)


def age(folder: Path) -> None:
    """Have all files be old, and none be an edit of the very moment in which a program starts."""
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))


@asynccontextmanager
async def running(
    folder: Path, *apps: App, **keys: Any
) -> AsyncIterator[tuple[Tree, Subscription]]:
    age(folder)
    root = Supervisor("s", apps, **keys)
    async with open_tree(root, log_directory=folder / ".logs") as tree:
        with trio.fail_after(20), tree.subscribe() as told:
            yield tree, told


async def until(told: Subscription, kind: type[ev.Event], address: str = "") -> Any:
    async for event in told:
        if isinstance(event, kind) and event.address.startswith(address):
            return event
    raise AssertionError(f"the tree ended without {kind.__name__}")


async def becomes(tree: Tree, *states: str) -> None:
    while tree["api"].state not in states:  # noqa: ASYNC110
        await trio.sleep(0.005)


def edit(folder: Path, text: str = "exec sleep 100", name: str = "main.sh") -> None:
    new = folder / f".{name}.swp"
    new.write_text(text)
    new.replace(folder / name)


async def test_an_edit_restarts_it_and_is_the_cause(shop: Path) -> None:
    async with running(shop, app(shop)) as (tree, told):
        pid = tree["api"].pid
        edit(shop)
        changed = await until(told, ev.SourcesChanged)
        assert (changed.address, changed.paths, changed.others) == ("/api", ("main.sh",), 0)
        stopping = await until(told, ev.ChildStopping)
        assert stopping.cause == changed.seq
        await until(told, ev.ChildStarted)
        assert tree["api"].pid != pid
        assert tree["api"].restarts == 0  # it has not crashed


async def test_many_edits_are_one_restart_that_names_the_first(shop: Path) -> None:
    async with running(shop, app(shop)) as (_, told):
        for number in range(500):
            (shop / f"{number:03}.py").write_text("")
        changed = await until(told, ev.SourcesChanged)
        assert changed.paths == ("000.py", "001.py", "002.py", "003.py", "004.py")
        assert changed.others == 495


async def test_an_edit_during_a_restart_leads_to_another(shop: Path) -> None:
    """The program ends only when the test has made another edit while it stops."""
    gate = shop.parent / "gate"
    wait = f"while ! test -e {gate}; do sleep 0.01; done"
    edit(shop, f"trap '{wait}; exit' TERM; while :; do sleep 0.01; done")
    async with running(shop, app(shop)) as (_, told):
        edit(shop, "exec sleep 99", "other.sh")
        await until(told, ev.ChildStopping)
        edit(shop, "exec sleep 98")
        gate.touch()
        await until(told, ev.ChildStarted)
        changed = await until(told, ev.SourcesChanged)
        assert "main.sh" in changed.paths
        await until(told, ev.ChildStarted)


async def test_what_was_stopped_by_hand_stays_stopped(shop: Path) -> None:
    apart = shop.parent / "apart"
    shutil.copytree(shop, apart)
    async with running(shop, app(shop), app(shop, "witness")) as (tree, told):
        await tree["api"].stop()
        edit(shop)
        await until(told, ev.ChildStarted, "/witness")
        assert tree["api"].state == "stopped"
        await tree["api"].start()
        edit(shop)
        await until(told, ev.ChildStopping, "/api")


@pytest.mark.parametrize("text", ["exit 1", "exit 0"])
async def test_what_has_failed_or_ended_is_started_by_an_edit(shop: Path, text: str) -> None:
    edit(shop, text)
    keys: dict[str, Any] = {"restart": "transient", "give_up_after": 0}
    async with running(shop, app(shop, **keys)) as (tree, _):
        await becomes(tree, "failed", "exited")
        edit(shop)
        await becomes(tree, "running")


async def test_what_waits_for_its_back_off_is_started_at_once(shop: Path) -> None:
    edit(shop, "exit 1")
    async with running(shop, app(shop, backoff=Backoff(initial=100, maximum=100))) as (tree, _):
        await becomes(tree, "backoff")
        edit(shop)
        await becomes(tree, "running")


async def test_all_instances_are_restarted_one_after_the_other(shop: Path) -> None:
    async with running(shop, app(shop, instances=2)) as (_, told):
        edit(shop)
        story = [
            (await until(told, kind, address)).address
            for address in ("/api:1", "/api:2")
            for kind in (ev.SourcesChanged, ev.ChildStopping, ev.ChildExited, ev.ChildStarted)
        ]
        assert story == ["/api:1"] * 4 + ["/api:2"] * 4


async def test_below_a_supervisor_with_a_process_of_its_own_it_is_the_same(shop: Path) -> None:
    below = Supervisor("web", [app(shop)], isolation="process")
    async with running(shop, below) as (tree, told):  # type: ignore[arg-type]
        edit(shop)
        changed = await until(told, ev.SourcesChanged)
        assert (changed.address, changed.paths) == ("/web/api", ("main.sh",))
        await until(told, ev.ChildStarted)
        shutil.rmtree(shop)
        problem = (await until(told, ev.SourcesUnwatched)).problem
        assert problem == f"{shop} is not there"
        assert tree["web/api"].status.unwatched == problem


async def test_its_own_output_is_no_source(shop: Path) -> None:
    edit(shop, "yes | head -c 5000; exec sleep 100")
    log = Log(file=str(shop / "api.log"), max_size=4096)
    async with running(shop, app(shop, log=log)) as (tree, told):
        while not any(it.startswith("api.log.") for it in os.listdir(shop)):
            tree.logs.rotate()
            await trio.sleep(0.005)
        edit(shop, name="zero.sh")
        assert (await until(told, ev.SourcesChanged)).paths == ("zero.sh",)


async def test_instances_have_directories_and_output_of_their_own(shop: Path) -> None:
    for number in ("1", "2"):
        (shop / number).mkdir()
        edit(shop / number, "echo here; exec sleep 100")
    log = Log(file=str(shop / "{instance}" / "out.log"))
    async with running(shop, app(shop / "{instance}", instances=2, log=log)) as (_, told):
        edit(shop / "2", name="more.sh")
        paths = (await until(told, ev.SourcesChanged)).paths
        while "2/more.sh" not in paths:  # before, what was written just before the start
            paths = (await until(told, ev.SourcesChanged)).paths
        assert not [it for it in paths if it.endswith(".log")]


async def test_a_new_spec_is_followed(shop: Path) -> None:
    async with running(shop, app(shop)) as (tree, told):
        await tree.update(Supervisor("s", [app(shop, watch=["extra"])]))
        assert tree["api"].status.uptime
        problem = (await until(told, ev.SourcesUnwatched)).problem
        assert problem == f"{shop / 'extra'} is not there"
        (shop / "extra").mkdir()
        assert (await until(told, ev.SourcesUnwatched)).problem == ""
        edit(shop)  # not in there
        edit(shop / "extra")
        assert (await until(told, ev.SourcesChanged)).paths == ("extra/main.sh",)
        await tree.update(Supervisor("s", [app(shop, watch=None)]))


async def test_limits_of_the_kernel_harm_nothing(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(Inotify):
        def add(self, path: str, changes: int) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(lookout, "Inotify", Full)
    async with running(shop, app(shop)) as (tree, told):
        with trio.fail_after(10):
            while not tree["api"].status.unwatched:  # noqa: ASYNC110
                await trio.sleep(0.005)
        assert "fs.inotify.max_user_watches" in tree["api"].status.unwatched
        await becomes(tree, "running")  # again, if a file is as young as the program
        tree["api"].signal(signal.SIGKILL)
        await until(told, ev.ChildStarted)
