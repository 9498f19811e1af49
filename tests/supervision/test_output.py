"""What a program has written and writes, for the program that has the tree."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from supctl import Actor, App, Log, Supervisor, Worker, open_tree
from supctl.errors import InvalidConfig, Unsupported
from supctl.supervision.handle import Handle
from supctl.supervision.tree import Tree

TALK = """
import os, sys
os.write(1, b"one\\ntwo\\xff\\n")
os.write(2, b"oops\\n")
for line in open(sys.argv[1]):
    print(line, end="", flush=True)
"""


class Idle(Actor):
    """Does nothing."""


@asynccontextmanager
async def talking(folder: Path, log: Log) -> AsyncIterator[tuple[Tree, Handle]]:
    """A tree with an app that writes what comes through ``gate``."""
    gate = folder / "gate"
    os.mkfifo(gate)
    app = App("talk", [sys.executable, "-c", TALK, str(gate)], log=log)
    root = Supervisor("shop", [app, Worker("idle", Idle)])
    async with open_tree(root, log_directory=folder / "logs") as tree:
        yield tree, tree["talk"]


async def say(folder: Path, text: str) -> None:
    await trio.to_thread.run_sync((folder / "gate").write_text, text)


async def written(app: Handle, text: str) -> None:
    with trio.fail_after(10):
        while text not in await app.output():  # noqa: ASYNC110
            await trio.sleep(0.005)


@pytest.mark.parametrize("mode", ["raw", "timestamped", "json"])
async def test_all_that_it_has_written_is_there_in_every_mode(tmp_path: Path, mode: str) -> None:
    log = Log(mode=mode)  # type: ignore[arg-type]
    async with talking(tmp_path, log) as (tree, app):
        await written(app, "oops")
        assert await app.output_bytes("stdout") == b"one\ntwo\xff\n"
        assert await app.output("stdout") == "one\ntwo\\xff\n"
        assert await app.output("stderr") == "oops\n"
        assert await app.output() == "one\ntwo\\xff\noops\n"
        tree.logs.rotate()
        await say(tmp_path, "three\n")
        await written(app, "three")
        await app.restart()
        with trio.fail_after(10):
            while (await app.output("stdout")).count("one") < 2:  # noqa: ASYNC110
                await trio.sleep(0.005)
        assert await app.output_bytes("stdout") == b"one\ntwo\xff\nthree\none\ntwo\xff\n"


async def test_of_a_shared_file_only_its_own_is_told(tmp_path: Path) -> None:
    log = Log(mode="timestamped", file=str(tmp_path / "shared.log"))  # type: ignore[arg-type]
    apps = [App(name, ["sh", "-c", f"echo {name}; exec sleep 100"], log=log) for name in "ab"]
    async with open_tree(Supervisor("shop", apps), log_directory=tmp_path / "logs") as tree:
        for name in "ab":
            await written(tree[name], name)
            assert await tree[name].output() == f"{name}\n"


@pytest.mark.parametrize("mode", ["raw", "timestamped"])
async def test_lines_come_as_they_are_written_until_the_tree_ends(
    tmp_path: Path, mode: str
) -> None:
    log = Log(mode=mode)  # type: ignore[arg-type]
    seen: list[str] = []
    async with talking(tmp_path, log) as (tree, app):
        await written(app, "oops")
        with trio.fail_after(20):
            async for line in app.follow(last=1, stream="stdout"):
                seen.append(str(line))
                match seen:
                    case ["two\\xff"]:
                        await say(tmp_path, "three\n")
                    case [_, "three"]:
                        assert line.stream == "stdout"
                        assert line.at_wall is not None
                        tree.logs.rotate()
                    case [*_, "one", "two\\xff"]:
                        tree.stop()
    assert seen == ["two\\xff", "three", "one", "two\\xff"]


async def test_a_follower_may_leave_and_another_begins_with_what_is_new(tmp_path: Path) -> None:
    async with talking(tmp_path, Log()) as (_, app):
        await written(app, "oops")
        with app.follow(last=2) as lines:
            assert {str(await anext(lines)) for _ in range(3)} == {"one", "two\\xff", "oops"}
        with app.follow(stream="stderr") as lines:
            with trio.move_on_after(0.05) as scope:
                await anext(lines)
            assert scope.cancelled_caught


async def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    async with talking(tmp_path, Log(mode="none")) as (tree, app):  # type: ignore[arg-type]
        with pytest.raises(Unsupported, match="/talk, whose output is in no file"):
            await app.output()
        with pytest.raises(Unsupported, match="/idle, whose output is in no file"):
            tree["idle"].follow()
        with pytest.raises(InvalidConfig, match="stream is 'out'; wanted 'stdout'"):
            await app.output("out")
