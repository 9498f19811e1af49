"""When the lines of raw logs came: marks beside them, set and read back."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import pytest

from supctl.logs import file as file_module
from supctl.logs import marks as module
from supctl.logs.archive import Archivist
from supctl.logs.file import LogFile
from supctl.logs.flushing import flush
from supctl.logs.marks import MARK, marks_of
from supctl.logs.reading.entry import Entry
from supctl.logs.reading.place import Place
from supctl.logs.reading.trail import Trail
from supctl.logs.reading.window import Window
from supctl.specs import Log

NOON = 1_800_000_000.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(file_module, "time", clock)
    return clock


def marks(path: Path) -> list[tuple[float, int]]:
    data = Path(marks_of(str(path))).read_bytes()
    return [(time / 1e6 - NOON, place) for time, place in MARK.iter_unpack(data)]


def entries(path: Path, window: Window | None = None, count: int | None = None) -> list[Entry]:
    trail = Trail(Place(str(path), "raw", False, (("/api", "stdout"),)), window or Window())
    try:
        return [*trail.history(count)]
    finally:
        trail.close()


def write(file: LogFile, clock: Clock, *times: float) -> None:
    """Write lines that tell the time."""
    for at in times:
        clock.now = NOON + at
        file.write(b"%g\n" % at)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "api.out.log"
    os.close(os.open(path, os.O_CREAT))
    return path


def test_there_is_one_for_each_second_in_which_something_came(path: Path, clock: Clock) -> None:
    file = LogFile(str(path), Log())
    write(file, clock, 0, 0.25, 0.5, 1.5, 2, 100)
    assert marks(path) == [(0, 0), (1.5, 11), (100, 17)]
    write(file, clock, 50)  # the clock was set back
    assert marks(path)[-1] == (50, 21)
    file.close()


@pytest.mark.parametrize("mode", ["timestamped", "json"])
def test_there_are_none_where_lines_tell_their_time(path: Path, mode: str) -> None:
    file = LogFile(str(path), Log(mode=mode))  # type: ignore[arg-type]
    file.write(b"one\n")
    file.close()
    assert os.listdir(path.parent) == [path.name]


def test_they_follow_the_file_and_go_with_it(path: Path, clock: Clock) -> None:
    archivist = Archivist()
    log = Log(compress="gzip", keep=2)  # type: ignore[arg-type]
    file = LogFile(str(path), log, rotated=archivist.tend)
    for number in range(4):
        write(file, clock, number, number + 0.1)
        if number < 3:
            file.rotate()
            assert archivist.wait_idle(20)
    file.close()
    assert sorted(it.name for it in path.parent.iterdir()) == [
        ".api.out.log.20270115T080001.100000Z.times", ".api.out.log.20270115T080002.100000Z.times",
        ".api.out.log.times", "api.out.log",
        "api.out.log.20270115T080001.100000Z.gz", "api.out.log.20270115T080002.100000Z.gz",
    ]  # fmt: skip
    found = [(entry.text, entry.at_wall) for entry in entries(path)]
    assert [at and round(at - NOON, 1) for _, at in found][::2] == [1, 2, 3]
    assert flush(path).files == 3
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("count", [None, 100])
def test_lines_are_dated_to_a_second(path: Path, clock: Clock, count: int | None) -> None:
    file = LogFile(str(path), Log())
    times = [number / 10 for number in range(40)] + [100, 100.5]
    write(file, clock, *times)
    os.utime(path, (clock.now, clock.now))
    for entry in entries(path, count=count):
        assert entry.at_wall is not None
        assert abs(entry.at_wall - NOON - float(entry.text)) <= 1
    since = entries(path, Window(since=NOON + 50), count)
    assert [entry.text for entry in since] == [b"100", b"100.5"]
    until = entries(path, Window(until=NOON + 50), count)
    assert len(until) == 40
    file.close()


def test_logs_of_several_are_merged_by_time(tmp_path: Path, clock: Clock) -> None:
    files = [LogFile(str(tmp_path / f"{name}.log"), Log()) for name in "ab"]
    for at in range(20):
        write(files[at % 2], clock, at)
    for file in files:
        file.close()
    both = [entries(tmp_path / f"{name}.log", count=8) for name in "ab"]
    merged = heapq.merge(*both, key=attrgetter("order"))
    assert [float(entry.text) for entry in merged] == [*map(float, range(4, 20))]


def delete(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("lose", [delete, cut])
def test_a_file_that_is_begun_anew_has_only_new_ones(
    path: Path, clock: Clock, lose: Callable[[Path], None]
) -> None:
    file = LogFile(str(path), Log())
    write(file, clock, *range(10))
    lose(path)
    write(file, clock, 50, 60)
    os.utime(path, (clock.now, clock.now))
    file.close()
    assert [entry.at_wall for entry in entries(path)] == [NOON + 50, NOON + 60]


def test_without_them_lines_are_as_old_as_their_file(path: Path) -> None:
    path.write_bytes(b"one\ntwo\n")
    os.utime(path, (NOON, NOON))
    assert [(it.at_wall, it.order) for it in entries(path)] == [(None, NOON)] * 2
    assert len(entries(path, Window(since=NOON - 1))) == 2
    assert entries(path, Window(since=NOON + 1)) == []


def test_marks_of_a_file_that_was_renamed_without_them_are_left_out(
    path: Path, clock: Clock
) -> None:
    for number in range(2):
        file = LogFile(str(path), Log())
        write(file, clock, 0, 10)
        file.close()
        assert marks(path) == [(0, 0), (10, 2)]
        path.rename(path.with_suffix(f".{number}"))  # and whoever did it was killed


def test_what_cannot_be_marked_is_stored_nevertheless(path: Path) -> None:
    Path(marks_of(str(path))).mkdir()
    file = LogFile(str(path), Log())
    file.write(b"one\n")
    file.close()
    assert [(it.text, it.at_wall) for it in entries(path)] == [(b"one", None)]
