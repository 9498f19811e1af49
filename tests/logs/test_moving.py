"""Bytes of a pipe are moved to a file by the system, or stay in the pipe until they are stored."""

from __future__ import annotations

import errno
import fcntl
import os
import queue
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supctl.logs import mounts
from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.logs.file import LogFile
from supctl.logs.peek import waiting_in
from supctl.logs.seek import Seek
from supctl.logs.watching import FileWatch
from supctl.specs import Log
from supctl.specs.log import LogMode

pytestmark = pytest.mark.usefixtures("nothing_left")

FOREVER = Log(max_size=None)
LINES = [LogMode.TIMESTAMPED, LogMode.JSON]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    yield read, write
    os.close(read)
    os.close(write)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LogFile]:
    watch = FileWatch()
    file = LogFile(str(tmp_path / "log"), FOREVER, watch)
    file.write(b"begin\n")
    file.write(b"and\n")  # it has been looked after by now
    yield file
    file.close()
    watch.close()


def until(found: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def stored(directory: LogDirectory) -> bytes:
    file = directory.file_of("/app", "stdout")
    return file.read_bytes() if file.exists() else b""


# The file.


def test_all_that_is_in_the_pipe_is_poured(file: LogFile, pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"one\ntwo\n")
    poured = file.pour(pipe[0], 4)
    assert poured == (8, b"two\n")
    assert file.pour(pipe[0], 4) == (0, b"")
    assert Path(file.path).read_bytes() == b"begin\nand\none\ntwo\n"


def test_a_file_that_was_cut_goes_on_at_its_end(file: LogFile, pipe: tuple[int, int]) -> None:
    os.truncate(file.path, 0)
    os.write(pipe[1], b"one\n")
    file.pour(pipe[0], 4)
    with open(file.path, "ab") as other:
        other.write(b"from outside\n")
    os.write(pipe[1], b"two\n")
    assert file.move(pipe[0], b"two\n", 0) == 4
    assert file.write(b"three\n") == 6
    assert Path(file.path).read_bytes() == b"one\nfrom outside\ntwo\nthree\n"


def test_a_line_that_another_has_begun_is_poured_on(file: LogFile, pipe: tuple[int, int]) -> None:
    file.write(b"half")
    file.close()
    for piece in (b" a", b" line"):
        os.write(pipe[1], piece)
        if file.pour(pipe[0], 100) is None:
            file.move(pipe[0], piece, 0)
    os.write(pipe[1], b", and its end")
    assert file.pour(pipe[0], 100) == (13, b", and its end")
    assert Path(file.path).read_bytes() == b"begin\nand\nhalf a line, and its end"


def test_where_a_rotation_may_be_within_it_has_to_be_looked_at_first(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    watch = FileWatch()
    file = LogFile(str(tmp_path / "log"), Log(max_size=4096), watch)
    file.write(b"%99d\n" % 1)
    os.write(pipe[1], b"%99d\n" % 2 * 100)
    assert file.pour(pipe[0], 4096) is None
    start, data = 0, b"%99d\n" % 2 * 100
    while start < len(data):
        start += file.move(pipe[0], data, start)
    file.close()
    watch.close()
    sizes = sorted(it.stat().st_size for it in tmp_path.glob("log*"))
    assert sizes == [2100, 4000, 4000]
    assert waiting_in(pipe[0]) == 0


def test_only_bytes_that_are_in_one_place_or_the_other_are_moved(tmp_path: Path) -> None:
    for log in (Log(LogMode.JSON), Log(together=True), Log(when_full="drop")):  # type: ignore[arg-type]
        file = LogFile(str(tmp_path / "log"), log)
        assert not file.is_exact
    target = tmp_path / "device"
    target.symlink_to("/dev/null")
    file = LogFile(str(target), FOREVER)
    assert file.is_exact
    assert file.move(-1, b"one\n", 0) == 0
    assert not file.is_exact
    file.close()


def test_not_on_file_systems_of_other_machines(
    file: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file.is_exact
    monkeypatch.setattr(mounts, "_type_of", lambda device: "nfs4")
    file.close()
    assert file.write(b"one\n") == 4
    assert not file.is_exact


def test_file_systems_are_known_by_their_types() -> None:
    mounts._type_of.cache_clear()
    mounted = Path("/proc/self/mountinfo").read_text().splitlines()
    kinds = {line.split(" - ")[1].split()[0] for line in mounted}
    assert mounts._type_of(os.stat("/proc").st_dev) in kinds
    assert mounts._type_of(2**40) == ""


def test_a_file_system_that_cannot_do_it_is_written_to(
    directory: LogDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    splice = os.splice

    def refuse(source: int, target: int, count: int, offset_dst: int | None = None) -> int:
        if offset_dst is not None:
            raise OSError(errno.EINVAL, "no")
        return splice(source, target, count)

    monkeypatch.setattr(os, "splice", refuse)
    capture = Capture(directory, log=Log(max_size=4096))
    read, write = os.pipe()
    capture.attach("/app", "stdout", read)
    for number in range(100):
        os.write(write, b"%99d\n" % number)
    os.close(write)
    capture.close()
    files = [*sorted(directory.path.glob("app.out.log?*")), directory.file_of("/app", "stdout")]
    assert b"".join(it.read_bytes() for it in files) == b"".join(b"%99d\n" % n for n in range(100))


def test_a_line_that_was_half_written_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"T one\nT tw")
    for number in range(2):
        file = LogFile(str(path), Log(LogMode.TIMESTAMPED))
        file.write(b"T two %d\n" % number)
        file.close()
    assert path.read_bytes() == b"T one\nT tw [interrupted]\nT two 0\nT two 1\n"


# The pipe.


@pytest.mark.parametrize("log", [*map(Log, LINES), Log(together=True)])
def test_a_line_stays_in_the_pipe_until_it_is_whole(directory: LogDirectory, log: Log) -> None:
    capture = Capture(directory, log=log)
    read, write = os.pipe()
    capture.attach("/app", "stdout", read)
    os.write(write, b"one\nhalf")
    until(lambda: waiting_in(write) == 4)
    os.write(write, b" a line\nrest")
    until(lambda: waiting_in(write) == 4)
    os.close(write)
    capture.close()
    (file,) = directory.path.glob("*.log")
    lines = file.read_bytes().splitlines()
    for line, wanted in zip(lines, (b"one", b"half a line", b"rest"), strict=True):
        assert line.endswith((wanted, b'"%s"}' % wanted))


def test_half_a_line_is_stored_with_the_time_and_stays(directory: LogDirectory) -> None:
    capture = Capture(directory, log=Log(LogMode.TIMESTAMPED))
    read, write = os.pipe()
    capture.attach("/app", "stdout", read)
    for size, piece in enumerate((b"a", b"b", b"c"), 1):
        os.write(write, piece)
        until(lambda now=b"abc"[:size]: stored(directory).endswith(b"Z " + now))  # type: ignore[misc]
        assert waiting_in(write) == size
    os.write(write, b"d\n")
    until(lambda: waiting_in(write) == 0)
    os.close(write)
    capture.close()
    assert re.fullmatch(rb"\S+Z abcd\n", stored(directory))
    (report,) = capture.report("/app")
    assert (report.bytes, report.lines) == (5, 1)


@pytest.mark.parametrize("mode", LINES)
@pytest.mark.parametrize("capacity", [4096, 65536, 2**20])
@pytest.mark.parametrize("size", [1000, 2049, 4097])  # of a write: most fill a page badly
def test_a_line_may_be_longer_than_the_pipe(
    directory: LogDirectory, mode: LogMode, capacity: int, size: int
) -> None:
    capture = Capture(directory, log=Log(mode))
    read, write = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, capacity)
    capture.attach("/app", "stdout", read)
    left = b"begin\n%0200000d\nshort\n" % 7
    while left:
        left = left[os.write(write, left[:size]) :]
    os.close(write)
    capture.close()
    _, long, short = stored(directory).splitlines()
    assert b"%0200000d" % 7 in long
    assert b"short" in short


def test_what_cannot_be_stored_is_seen_once_and_stays(
    directory: LogDirectory, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    seen: queue.Queue[bytes] = queue.Queue()
    ready, words = queue.Queue[bool](), queue.Queue[bytes]()
    capture = Capture(directory, lambda *facts: seen.put(facts[2]), lambda *_: None)
    read, write = os.pipe()
    seek = Seek(re.compile(b"ready"), lambda: ready.put(True))
    capture.attach("/app", "stdout", read, words.put, seek)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
    try:
        os.write(write, b"one\n")
        assert seen.get(timeout=10) == b"one\n"
        os.write(write, b"two\n")
        assert seen.get(timeout=10) == b"two\n"
        until(lambda: capture.report("/app")[0].state == "failing")
        os.write(write, b"ready\n")
        assert seen.get(timeout=10) == b"ready\n"
        assert ready.get(timeout=10)
        assert waiting_in(write) == 10
        os.close(write)
        assert words.get(timeout=10) == b"one\ntwo\nready\n"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    capture.close()
    assert stored(directory) == b"one\ntwo\nready\n"
    assert [seen.get(timeout=10)] == [b""]
    (report,) = capture.report("/app")
    assert (report.bytes, report.lines, report.lost_bytes) == (14, 3, 0)
