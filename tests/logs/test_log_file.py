"""A file is rotated between lines, and found again where somebody else has moved it."""

from __future__ import annotations

import errno
import os
import resource
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supctl.logs.file import LogFile
from supctl.logs.rotated import rotated_files
from supctl.logs.watching import FileWatch
from supctl.specs import Log
from supctl.specs.log import Every

pytestmark = pytest.mark.usefixtures("nothing_left")

FOREVER = Log(max_size=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "app.out.log"


@contextmanager
def opened(path: Path, log: Log = FOREVER, **options: Any) -> Iterator[LogFile]:
    file = LogFile(str(path), log, **options)
    try:
        yield file
    finally:
        file.close()


@pytest.fixture
def watch() -> Iterator[FileWatch]:
    watch = FileWatch()
    yield watch
    watch.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes: a disk that takes the first part of a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def append(file: LogFile, data: bytes) -> None:
    start = 0
    while start < len(data):
        start += file.write(data, start)


def contents(path: Path) -> list[bytes]:
    """Return what is in the rotated files, the oldest first, and in the present one."""
    files = [it.path for it in rotated_files(path)]
    return [it.read_bytes() for it in [*files, path] if it.exists()]


def test_a_disk_takes_what_fits(path: Path) -> None:
    with opened(path) as file:
        with largest_file(600):
            assert file.write(b"x" * 1000) == 600
            with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
                file.write(b"x" * 50)
        append(file, b"room again")
    assert path.read_bytes() == b"x" * 600 + b"room again"


def test_files_and_directories_are_not_for_everybody(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        LogFile(str(tmp_path / "a" / "b" / "app.err.log"), FOREVER).check()
    finally:
        os.umask(before)
    file = tmp_path / "a" / "b" / "app.err.log"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert {stat.S_IMODE(place.stat().st_mode) for place in file.parents[:2]} == {0o750}


# Rotation.


def test_rotation_by_size_is_between_lines(path: Path) -> None:
    line = b"%099d\n" % 7
    with opened(path, Log(max_size=4096)) as file:
        append(file, line * 100)
        assert file.rotations == 2
    assert contents(path) == [line * 40, line * 40, line * 20]


def test_line_that_is_longer_than_a_file_is_not_torn(path: Path) -> None:
    with opened(path, Log(max_size=4096)) as file:
        append(file, b"short\n" + b"x" * 10_000)
        append(file, b"y" * 10_000 + b"\nnext\n")
    assert contents(path) == [b"short\n", b"x" * 10_000 + b"y" * 10_000 + b"\n", b"next\n"]


LINES = st.lists(st.integers(0, 6000), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=LINES, cuts=st.lists(st.integers(1, 5000), max_size=12), again=st.booleans())
def test_files_hold_every_byte_in_order_and_whole_lines(
    tmp_path: Path, lengths: list[int], cuts: list[int], again: bool
) -> None:
    path = tmp_path / str(time.perf_counter_ns()) / "log"
    data = b"".join(b"x" * length + b"\n" for length in lengths)
    log = Log(max_size=4096)
    file, rest = LogFile(str(path), log), data
    for cut in [*cuts, len(data)]:
        append(file, rest[:cut])
        rest = rest[cut:]
        if again:
            file.close()
    file.close()
    parts = contents(path) if lengths else []
    assert b"".join(parts) == data
    assert all(part.endswith(b"\n") for part in parts)
    assert all(part[:-1].rfind(b"\n") < 4096 for part in parts)  # where its last line begins


def test_a_file_of_an_earlier_time_goes_on(path: Path) -> None:
    for number in range(3):
        with opened(path, Log(max_size=4096)) as file:
            append(file, b"%1999d\n" % number)
    assert list(map(len, contents(path))) == [4000, 2000]


def test_on_demand(path: Path) -> None:
    with opened(path) as file:
        file.rotate()  # there is nothing yet
        append(file, b"one\nhalf")
        file.rotate()
        append(file, b" a line\ntwo\n")
        file.rotate()
        file.rotate()
        append(file, b"three\n")
    LogFile(str(path), FOREVER).rotate()  # whose app does not run
    assert contents(path) == [b"one\nhalf a line\n", b"two\n", b"three\n", b""]


def test_by_the_clock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    now = 1_699_999_200.0  # a full hour
    monkeypatch.setattr(time, "time", lambda: now)
    with opened(path, Log(max_size=None, every=Every.HOURLY)) as file:
        append(file, b"one\n")
        append(file, b"two, ")
        now += 3600
        append(file, b"to its end\nthree\n")
        append(file, b"four\n")
    os.utime(path, (now, now))
    now += 3600
    with opened(path, Log(max_size=None, every=Every.HOURLY)) as file:  # due in the meantime
        append(file, b"five\n")
    assert contents(path) == [b"one\ntwo, to its end\n", b"three\nfour\n", b"five\n"]


def test_the_archivist_is_told_of_every_rotation(path: Path) -> None:
    told: list[Path] = []
    log = Log(max_size=4096, sync=True)
    with opened(path, log, rotated=lambda path, log: told.append(path)) as file:
        append(file, b"%4000d\n" % 1 * 3)
    assert told == [path, path]


def test_where_renaming_is_forbidden_the_file_grows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: str) -> None:
        raise PermissionError(errno.EACCES, "no")

    line = b"%999d\n" % 1
    with opened(path, Log(max_size=4096)) as file:
        monkeypatch.setattr(Path, "rename", refuse)
        append(file, line * 6)
        assert file.rotations == 0
        monkeypatch.undo()
        append(file, line * 6)
        assert file.rotations == 1  # when it has grown by so much again
    assert b"".join(contents(path)) == line * 12


# Others.


def test_renamed_and_deleted_files_are_opened_anew(path: Path, watch: FileWatch) -> None:
    with opened(path, watch=watch) as file:
        append(file, b"one\n")
        path.rename(path.with_suffix(".1"))
        watch.take()
        append(file, b"two\n")
        path.unlink()
        watch.take()
        append(file, b"three\n")
    assert path.with_suffix(".1").read_bytes() == b"one\n"
    assert path.read_bytes() == b"three\n"


def test_a_line_that_is_begun_is_brought_to_its_end_first(path: Path, watch: FileWatch) -> None:
    with opened(path, watch=watch) as file:
        append(file, b"one, ")
        path.rename(path.with_suffix(".1"))
        watch.take()
        append(file, b"to its")
        append(file, b" end\ntwo\n")
    assert path.with_suffix(".1").read_bytes() == b"one, to its end\n"
    assert path.read_bytes() == b"two\n"


def test_without_a_watch_the_place_is_looked_at(path: Path) -> None:
    with opened(path) as file:
        append(file, b"one\n")
        path.rename(path.with_suffix(".1"))
        append(file, b"two\n")
    assert path.read_bytes() == b"two\n"


def test_our_own_writes_and_rotations_wake_nobody(path: Path, watch: FileWatch) -> None:
    with opened(path, Log(max_size=4096), watch=watch) as file:
        append(file, b"%99d\n" % 1 * 10)
        with pytest.raises(BlockingIOError):
            os.read(watch.fd, 4096)


def test_a_file_that_was_cut_goes_on_at_its_begin(path: Path, watch: FileWatch) -> None:
    line = b"%999d\n" % 1
    with opened(path, Log(max_size=4096), watch=watch) as file:
        append(file, line * 3)
        os.truncate(path, 0)  # as logrotate's copytruncate does
        append(file, line * 4)
        assert file.rotations == 0
    assert path.read_bytes() == line * 4


def test_a_fifo_without_a_reader_refuses(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with opened(path, Log(max_size=4096)) as file:
        with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
            file.write(b"nobody")
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        append(file, b"x" * 65536)
        with pytest.raises(BlockingIOError):
            file.write(b"full")
        assert os.read(reader, 65536) == b"x" * 65536
        os.close(reader)


def test_a_directory_where_the_file_should_be(path: Path) -> None:
    path.mkdir(parents=True)
    with opened(path) as file, pytest.raises(IsADirectoryError):
        file.write(b"x")
