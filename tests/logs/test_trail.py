"""Reading one log over all of its files, while it is written and rotated."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.errors import Unsupported
from supctl.logs.archive import Archivist
from supctl.logs.file import LogFile
from supctl.logs.reading.chunks import Cutter, lines_back, lines_of
from supctl.logs.reading.place import Place
from supctl.logs.reading.trail import Trail
from supctl.logs.reading.window import Window
from supctl.logs.rotated import Rotated, rotated_files
from supctl.specs import Log


def place(path: Path) -> Place:
    return Place(str(path), "raw", False, (("/api", "stdout"),))


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    """A trail of a log of seven lines in three files, the first of them compressed."""
    path = tmp_path / "api.out.log"
    (tmp_path / "api.out.log.20261121T100000.000000Z.gz").write_bytes(gzip.compress(b"1\n2\n3\n"))
    (tmp_path / "api.out.log.20261121T110000.000000Z").write_bytes(b"4\n5\n")
    (tmp_path / "api.out.log.20261121T120000.000000Z.part").write_bytes(b"half of one")
    path.write_bytes(b"6\n7")
    trail = Trail(place(path), Window())
    yield trail
    trail.close()


def new(trail: Trail) -> list[bytes]:
    """Return what is stored of all that came."""
    found: list[bytes] = []
    while (entries := trail.more()) is not None:
        found += [entry.stored for entry in entries]
    return found


@pytest.mark.parametrize("count", [*range(9), None])
def test_as_many_lines_as_there_are(trail: Trail, count: int | None) -> None:
    texts = [entry.text for entry in trail.history(count)]
    wanted = [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]
    assert texts == (wanted if count is None else wanted[max(0, 7 - count) :])


def test_what_has_only_been_rotated_so_far_is_there(trail: Trail) -> None:
    path = Path(trail.place.path)
    path.unlink()
    assert [entry.text for entry in trail.history(3)] == [b"3", b"4", b"5"]
    path.write_bytes(b"6\n")
    assert new(trail) == [b"6\n"]


def test_of_a_log_that_is_not_there_comes_what_is_written_then(tmp_path: Path) -> None:
    trail = Trail(place(tmp_path / "web" / "api.log"), Window())
    assert [*trail.history(10, goes_on=True)] == []
    assert trail.more() is None
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "api.log").write_bytes(b"one\n")
    assert new(trail) == [b"one\n"]
    trail.close()


def test_a_line_that_has_not_ended_comes_once_and_whole(trail: Trail) -> None:
    assert [entry.text for entry in trail.history(2, goes_on=True)] == [b"5", b"6"]
    assert new(trail) == []
    with open(trail.place.path, "ab") as file:
        file.write(b" and more")
    assert new(trail) == []
    with open(trail.place.path, "ab") as file:
        file.write(b"\n8\n9")
    assert new(trail) == [b"7 and more\n", b"8\n"]
    assert [entry.text for entry in trail.last()] == [b"9"]


def test_one_that_is_rotated_while_it_is_read_is_there_once(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(trail.place.path)

    def look_for(there: str) -> list[Rotated]:
        if path.exists():
            path.rename(f"{path}.20261121T130000.000000Z")
        return rotated_files(path)

    monkeypatch.setattr("supctl.logs.reading.trail.look_for", look_for)
    assert [entry.text for entry in trail.history(4)] == [b"4", b"5", b"6", b"7"]


def test_a_pipe_in_place_of_a_file_is_left_to_those_who_read_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "api.log")
    trail = Trail(place(tmp_path / "api.log"), Window())
    assert [*trail.history(10, goes_on=True)] == []
    assert trail.more() is None
    with pytest.raises(OSError, match="No such device"):  # nobody reads it
        os.open(tmp_path / "api.log", os.O_WRONLY | os.O_NONBLOCK)


def test_a_damaged_file_is_told(trail: Trail) -> None:
    packed = Path(f"{trail.place.path}.20261121T100000.000000Z.gz")
    packed.write_bytes(packed.read_bytes()[:-10])
    with pytest.raises(OSError, match="damaged"):
        assert [*trail.history(None)]


def test_what_cannot_be_unpacked_here_is_told(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = Path(f"{trail.place.path}.20261121T100000.000000Z.gz")
    packed.rename(packed.with_suffix(".zst"))
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(Unsupported, match="install the package zstandard"):
        assert [*trail.history(None)]


def compress(path: Path) -> None:
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def leave(path: Path) -> None:
    pass


def test_a_file_that_is_emptied_is_read_from_its_begin(trail: Trail) -> None:
    assert len([*trail.history(None, goes_on=True)]) == 6
    os.truncate(trail.place.path, 0)
    assert new(trail) == []
    Path(trail.place.path).write_bytes(b"8\n")
    assert new(trail) == [b"8\n"]


@pytest.mark.parametrize("rotated", [compress, leave, Path.unlink])
@pytest.mark.parametrize("renamed", [True, False])
def test_whatever_becomes_of_the_file_that_is_read(
    trail: Trail, rotated: Callable[[Path], None], renamed: bool
) -> None:
    path = Path(trail.place.path)
    assert len([*trail.history(0, goes_on=True)]) == 0
    with path.open("ab") as file:
        file.write(b"\n8\n")
    old = path.rename(f"{path}.20261121T140000.000000Z" if renamed else f"{path}.1")
    with old.open("ab") as file:
        file.write(b"9\n")
    rotated(old)
    path.write_bytes(b"10\n")
    assert new(trail) == [b"7\n", b"8\n", b"9\n", b"10\n"]


def test_files_that_came_and_went_since_the_last_look_are_read_too(trail: Trail) -> None:
    path = Path(trail.place.path)
    assert len([*trail.history(0, goes_on=True)]) == 0
    for number in range(8, 14):
        path.rename(old := Path(f"{path}.20261121T14{number:02}00.000000Z"))
        if number % 2:
            compress(old)
        path.write_bytes(b"%d\n" % number)
    assert new(trail) == [b"7", *(b"%d\n" % number for number in range(8, 14))]
    path.rename(f"{path}.20261121T160000.000000Z")
    assert new(trail) == []


@pytest.mark.parametrize("pace", [1, 7, 400])
def test_every_line_once_over_a_thousand_lines_in_files_that_are_compressed(
    tmp_path: Path, pace: int
) -> None:
    path = tmp_path / "api.log"
    log = Log(max_size=4096, keep=None, compress="gzip")  # type: ignore[arg-type]
    archivist = Archivist()
    file = LogFile(str(path), log, rotated=archivist.tend)
    trail = Trail(place(path), Window())
    assert [*trail.history(None, goes_on=True)] == []
    seen: list[bytes] = []
    for number in range(2000):
        line = b"%06d %s\n" % (number, b"x" * (number % 90))
        assert file.write(line) == len(line)
        if number % pace == 0:
            seen += new(trail)
    seen += new(trail)
    file.close()
    assert archivist.wait_idle(20)
    assert [int(line[:6]) for line in seen] == [*range(2000)]
    assert file.rotations > 10
    trail.close()
    again = Trail(place(path), Window())
    assert [int(entry.text[:6]) for entry in again.history(None)] == [*range(2000)]
    again.close()


@given(st.lists(st.sampled_from([b"\n", b"a", b"bc\r", b"", b"\xff"])), st.integers(1, 5))
def test_lines_are_all_that_was_read(parts: list[bytes], cut: int) -> None:
    data = b"".join(parts)
    wanted = [line + b"\n" for line in data.split(b"\n")]
    wanted[-1] = wanted[-1][:-1]
    wanted = [line for line in wanted if line]
    cutter = Cutter()
    found = [it for at in range(0, len(data), cut) for it in cutter.feed(data[at : at + cut])]
    assert found + cutter.end() == wanted
    fd = os.memfd_create("lines")
    try:
        os.write(fd, data)
        assert [*lines_back(fd, len(data))][::-1] == wanted
        os.lseek(fd, 0, os.SEEK_SET)
        assert [*lines_of(lambda size: os.read(fd, cut))] == wanted
    finally:
        os.close(fd)


@pytest.mark.parametrize("ends", [b"\n", b""])
def test_a_line_that_is_too_long_comes_in_parts(ends: bytes) -> None:
    data = b"short\n" + b"x" * 3_000_000 + ends
    fd = os.memfd_create("lines")
    try:
        os.write(fd, data)
        back = [*lines_back(fd, len(data))]
        os.lseek(fd, 0, os.SEEK_SET)
        forth = [*lines_of(lambda size: os.read(fd, size))]
    finally:
        os.close(fd)
    assert b"".join(back[::-1]) == b"".join(forth) == data
    assert max(map(len, back + forth)) <= 800_000
    assert back[-1] == forth[0] == b"short\n"
