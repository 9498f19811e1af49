"""Real files and real edits: what is told of them, and what is not."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from supctl.watching.area import Area
from supctl.watching.ignored import rules_for
from supctl.watching.lookout import Lookout, Sight, Watch

_DEBOUNCE = 0.02


def tree(*roots: Path, ignore: tuple[str, ...] = (), heeds_git: bool = True) -> Area:
    base = os.path.realpath(roots[0])
    return Area(map(str, roots), partial(rules_for, base=base, ignore=ignore, heeds_git=heeds_git))


def files(*paths: Path) -> Area:
    return Area(map(str, paths))


@asynccontextmanager
async def watched(area: Area, since: float | None = None) -> AsyncIterator[Watch]:
    lookout = Lookout()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lookout.run)
        with lookout.watching(area, _DEBOUNCE) as watch:
            if since is None:
                assert await watch.begin(time.time() + 1) == Sight(())
            yield watch
        nursery.cancel_scope.cancel()


async def names(watch: Watch) -> list[str]:
    """Return the names of the files of the next change."""
    return [Path(it).name for it in (await watch.next()).changed]


def write(path: Path) -> None:
    path.write_text("new\n")


def write_beside_and_rename(path: Path) -> None:
    new = path.with_name(".new~")
    new.write_text("new\n")
    new.replace(path)


def save_as_vim_does(path: Path) -> None:
    path.with_name("4913").touch()
    path.with_name("4913").unlink()
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_text("new\n")
    backup.unlink()


def delete(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("edit", [write, write_beside_and_rename, save_as_vim_does, delete])
async def test_an_edit_is_told(tmp_path: Path, edit: Callable[[Path], None]) -> None:
    app = tmp_path / "src/deep/app.py"
    app.parent.mkdir(parents=True)
    app.write_text("old")
    for area in (tree(tmp_path), files(app)):
        app.write_text("old")
        async with watched(area) as watch:
            edit(app)
            assert await names(watch) == ["app.py"]


async def test_a_burst_is_one_change(tmp_path: Path) -> None:
    async with watched(tree(tmp_path)) as watch:
        for number in range(500):
            path = tmp_path / f"d{number % 10}" / f"{number}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text("x")
        assert len(await names(watch)) == 500
        write(tmp_path / "d3/3.py")
        assert await names(watch) == ["3.py"]


async def test_a_directory_that_is_new_is_watched(tmp_path: Path) -> None:
    async with watched(tree(tmp_path)) as watch:
        (tmp_path / "a/b").mkdir(parents=True)
        write(tmp_path / "a/b/one.py")
        assert await names(watch) == ["one.py"]
        (tmp_path / "a/b/c").mkdir()
        write(tmp_path / "a/b/c/two.py")
        assert await names(watch) == ["two.py"]


async def test_what_happens_between_two_looks_is_told(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    async with watched(tree(tmp_path)) as watch:
        write(one)
        assert await names(watch) == ["one.py"]
        write(two)  # while its watcher is busy with the first
        await trio.sleep(2 * _DEBOUNCE)
        one.write_text("newer than new")
        assert await names(watch) == ["one.py", "two.py"]


async def test_what_was_touched_before_the_first_look_is_told(tmp_path: Path) -> None:
    old, moved = tmp_path / "old.py", tmp_path / "moved.py"
    write(old)
    write(moved)
    os.utime(moved, (1, 1))
    since = old.stat().st_mtime
    while moved.stat().st_ctime <= since:  # until the clock of the file system has gone on
        moved.rename(tmp_path / "aside.py")
        (tmp_path / "aside.py").rename(moved)
    async with watched(tree(tmp_path), since=since) as watch:
        assert (await watch.begin(since)).changed == (str(moved),)


async def test_what_is_ignored_is_not_told(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.out\n!kept.out\n/build/\n!\n")
    for name in ("node_modules/x", "src/__pycache__", ".venv/lib", "build", "src/tmp", "src/sub"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "src/.gitignore").write_text("local.py\n")
    async with watched(tree(tmp_path / "src", tmp_path, ignore=("tmp/", "*.db"))) as watch:
        for name in (
            *("node_modules/x/y.js", "src/__pycache__/a.pyc", ".venv/lib/a.py", "build/a.js"),
            *("src/a.out", "src/.app.py.swp", "src/app.py~", "src/tmp/x.py", "src/sub/local.py"),
            *("src/data.db", ".git/index", "src/4913"),
        ):
            write(tmp_path / name)
        write(tmp_path / "src/kept.out")
        assert await names(watch) == ["kept.out"]


async def test_gitignore_may_be_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.out\n")
    async with watched(tree(tmp_path, heeds_git=False)) as watch:
        write(tmp_path / "a.out")
        assert await names(watch) == ["a.out"]


async def test_a_link_that_is_switched_is_told(tmp_path: Path) -> None:
    """As Kubernetes does with what it mounts: app.yaml -> ..data/app.yaml, ..data -> ..1."""
    for version in ("..1", "..2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "app.yaml").write_text(version)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "app.yaml").symlink_to("..data/app.yaml")
    async with watched(files(tmp_path / "app.yaml")) as watch:
        (tmp_path / "..new").symlink_to("..2")
        (tmp_path / "..new").rename(tmp_path / "..data")
        shutil.rmtree(tmp_path / "..1")
        assert await names(watch) == ["app.yaml"]
        (tmp_path / "..2/app.yaml").write_text("in place")
        assert await names(watch) == ["app.yaml"]


async def test_what_goes_and_comes_back_is_told(tmp_path: Path) -> None:
    root = tmp_path / "a/src"
    root.mkdir(parents=True)
    write(root / "app.py")
    async with watched(tree(root)) as watch:
        shutil.rmtree(tmp_path / "a")
        sight = await watch.next()
        assert sight.missing == (str(root),)
        assert sight.changed == (str(root / "app.py"),)
        root.mkdir(parents=True)
        write(root / "app.py")
        sight = await watch.next()
        if sight.changed == ():  # there is a moment between the two
            sight = await watch.next()
        assert sight == Sight((str(root / "app.py"),))


async def test_two_who_watch_the_same_are_both_told(tmp_path: Path) -> None:
    lookout = Lookout()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lookout.run)
        with lookout.watching(tree(tmp_path), _DEBOUNCE) as one:
            with lookout.watching(tree(tmp_path), _DEBOUNCE) as two:
                await one.begin(time.time() + 1)
                await two.begin(time.time() + 1)
                write(tmp_path / "a.py")
                assert await names(one) == await names(two) == ["a.py"]
            write(tmp_path / "b.py")
            assert await names(one) == ["b.py"]
        nursery.cancel_scope.cancel()
