"""Waiting for what is added to logs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supctl.logs.archive import Archivist
from supctl.logs.file import LogFile
from supctl.logs.reading import notice
from supctl.logs.reading.entry import Entry
from supctl.logs.reading.follower import Follower
from supctl.logs.reading.place import Place
from supctl.logs.reading.trail import Trail
from supctl.logs.reading.window import Window
from supctl.specs import Log


def trail_of(path: Path) -> Trail:
    trail = Trail(Place(str(path), "raw", False, ((f"/{path.stem}", "stdout"),)), Window())
    assert [*trail.history(0, goes_on=True)] == []
    return trail


def coming(follower: Follower) -> Iterator[Entry]:
    while True:
        yield from follower.read()
        follower.wait()


@pytest.fixture(params=["told", "looking"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel tell of changes, or not."""
    if request.param == "looking":
        monkeypatch.setattr(notice.Notices, "_add", lambda *_: -1)
        made = notice.Notices.__init__

        def make(self: notice.Notices) -> None:
            made(self)
            self.close()

        monkeypatch.setattr(notice.Notices, "__init__", make)


@pytest.mark.usefixtures("kernel", "nothing_left")
def test_all_that_is_written_comes_wherever_it_is(tmp_path: Path) -> None:
    one, two = tmp_path / "one.log", tmp_path / "deep" / "er" / "two.log"
    one.write_bytes(b"before\n")
    with Follower([trail_of(one), trail_of(two)]) as follower:
        items = coming(follower)
        with one.open("ab") as file:
            file.write(b"1\n")
        assert next(items).text == b"1"
        two.parent.mkdir(parents=True)
        two.write_bytes(b"2\n")
        assert next(items)[2:5] == ("/two", "stdout", b"2")
        one.rename(f"{one}.20261121T140000.000000Z")
        one.write_bytes(b"3\n")
        assert next(items).text == b"3"
        one.unlink()
        one.write_bytes(b"4\n")
        assert next(items).text == b"4"
        with one.open("ab") as file:
            file.write(b"half")
        for entry in follower.read():
            pytest.fail(f"{entry} has not ended")
        assert [entry.text for entry in follower.last()] == [b"half"]


@pytest.mark.usefixtures("nothing_left")
def test_a_directory_that_goes_and_comes_is_watched_again(tmp_path: Path) -> None:
    path = tmp_path / "web" / "one.log"
    path.parent.mkdir()
    path.write_bytes(b"")
    with Follower([trail_of(path)]) as follower:
        items = coming(follower)
        path.parent.rename(tmp_path / "old")
        assert follower.read() == []
        path.parent.mkdir()
        path.write_bytes(b"1\n")
        assert next(items).text == b"1"


def test_it_sleeps_while_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    path.write_bytes(b"")
    with Follower([trail_of(path)]) as follower:
        while follower.is_behind:
            assert follower.read() == []
        used = time.thread_time()
        timer = threading.Timer(0.3, path.write_bytes, [b"1\n"])
        timer.start()
        follower.wait()
        assert time.thread_time() - used < 0.05
        timer.join()
        assert [entry.text for entry in follower.read()] == [b"1"]


def test_a_pipe_that_nobody_reads_ends_the_waiting(tmp_path: Path) -> None:
    read, write = os.pipe()
    with Follower() as follower:
        os.close(read)
        assert follower.wait(write)
    os.close(write)


def test_news_of_other_files_are_told(tmp_path: Path) -> None:
    table = tmp_path / "state" / "outputs.json"
    with Follower(files=[str(table)]) as follower:
        assert follower.has_news  # perhaps, before it was watched
        follower.has_news = False
        table.parent.mkdir()
        table.write_text("new")
        follower.wait()
        follower.read()
        assert follower.has_news
        follower.has_news = False
        (new := table.with_suffix(".new")).write_text("newer")
        new.rename(table)
        while not follower.has_news:
            follower.wait()
            follower.read()


@pytest.mark.usefixtures("nothing_left")
def test_three_chatty_apps_over_rotations_lose_and_repeat_nothing(tmp_path: Path) -> None:
    archivist = Archivist()
    log = Log(max_size=16384, keep=None, compress="gzip")  # type: ignore[arg-type]
    paths = [tmp_path / f"app{number}.log" for number in range(3)]
    lines = 20_000

    def write(path: Path) -> None:
        file = LogFile(str(path), log, rotated=archivist.tend)
        for first in range(0, lines, 10):
            data = b"".join(
                b"%06d %s\n" % (it, b"x" * (it % 50)) for it in range(first, first + 10)
            )
            start = 0
            while start < len(data):
                start += file.write(data, start)
        file.close()

    writers = [threading.Thread(target=write, args=[path]) for path in paths]
    seen: dict[str, list[int]] = {f"/app{number}": [] for number in range(3)}
    with Follower(map(trail_of, paths)) as follower:
        for writer in writers:
            writer.start()
        for entry in coming(follower):
            seen[entry.address].append(int(entry.text[:6]))
            if all(len(numbers) >= lines for numbers in seen.values()):
                break
        for writer in writers:
            writer.join()
        assert not any(follower.read() for _ in range(3))
    assert seen == {address: [*range(lines)] for address in seen}
    assert archivist.wait_idle(30)
