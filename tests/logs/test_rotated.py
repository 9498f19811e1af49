"""Names of rotated files, which of them are kept, and their compression."""

from __future__ import annotations

import errno
import gzip
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.logs import archive
from supctl.logs.archive import Archivist
from supctl.logs.reading.files import lines_of_rotated
from supctl.logs.rotated import Rotated, leftovers, new_stamp, not_kept, rotated_files
from supctl.specs import Log
from supctl.specs.log import Compress

pytestmark = pytest.mark.usefixtures("nothing_left")

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC).timestamp()


def stamps(count: int, now: float = NOW) -> list[str]:
    """Return stamps, a second apart; the last is ``now``'s."""
    return [new_stamp(now - count + 1 + number, "") for number in range(count)]


def made(path: Path, count: int, now: float = NOW) -> list[Path]:
    """Make rotated files, 100 bytes each."""
    files = [path.with_name(f"{path.name}.{stamp}") for stamp in stamps(count, now)]
    for number, file in enumerate(files):
        file.write_bytes(b"%099d\n" % number)
    return files


def test_stamps_are_names_that_sort() -> None:
    assert new_stamp(NOW, "") == "20261121T160000.000000Z"
    assert new_stamp(NOW, "20261121T160000.000000Z") == "20261121T160000.000001Z"
    assert new_stamp(NOW, "20271121T160000.999999Z") == "20271121T160001.000000Z"


@given(st.lists(st.floats(0, 4e9), max_size=20))
def test_stamps_grow_whatever_the_clock_does(moments: list[float]) -> None:
    latest = ""
    for moment in moments:
        stamp = new_stamp(moment, latest)
        assert stamp > latest
        latest = stamp


def test_other_files_are_no_rotated_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.out.log"
    files = made(path, 3)
    made(tmp_path / "a.out.log.b", 1)
    for other in ("a.out.log", "a.out.log.1", "a.out.log.20261121T160000Z", "b.out.log"):
        (tmp_path / other).touch()
    assert [it.path for it in rotated_files(path)] == files
    assert {it.size for it in rotated_files(path)} == {100}


def test_a_file_is_there_once_while_it_is_compressed(tmp_path: Path) -> None:
    path = tmp_path / "a.out.log"
    (file,) = made(path, 1)
    whole, part = Path(f"{file}.gz"), Path(f"{file}.gz.part")
    part.touch()
    assert [it.path for it in rotated_files(path)] == [file]
    assert leftovers(path) == [part]
    part.rename(whole)
    assert [it.path for it in rotated_files(path)] == [whole]
    assert leftovers(path) == [file]


FILES = [Rotated(stamp, Path(stamp), 100) for stamp in stamps(10)]


def test_one_that_is_compressed_while_it_is_listed_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, stamp = tmp_path / "app.log", "20260714T101213.000001Z"
    plain = tmp_path / f"app.log.{stamp}"
    plain.write_bytes(b"one\ntwo\n")
    look = os.scandir

    @contextmanager
    def slowly(path: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        with look(path) as entries:
            listed = list(entries)
        with gzip.open(f"{plain}.gz", "wb") as packed:
            packed.write(plain.read_bytes())
        plain.unlink()
        yield iter(listed)

    monkeypatch.setattr(os, "scandir", slowly)
    (found,) = rotated_files(log)
    assert (found.stamp, found.size) == (stamp, 0)
    assert [*lines_of_rotated(found)] == [b"one\n", b"two\n"]


@pytest.mark.parametrize(
    ("log", "kept"),
    [
        (Log(keep=None), 10),
        (Log(keep=0), 0),
        (Log(keep=3), 3),
        (Log(keep=100), 10),
        (Log(keep=None, keep_for=5.0), 6),
        (Log(keep=None, keep_size=450, max_size=None), 4),
        (Log(keep=8, keep_for=5.0, keep_size=200, max_size=None), 2),
    ],
)
def test_the_oldest_are_not_kept(log: Log, kept: int) -> None:
    assert not_kept(FILES, log, NOW) == FILES[: 10 - kept]


def tended(path: Path, log: Log) -> None:
    archivist = Archivist()
    archivist.tend(path, log)
    assert archivist.wait_idle(10)
    archivist.close(0)


def test_files_are_compressed_and_deleted(tmp_path: Path) -> None:
    path = tmp_path / "a.out.log"
    files = made(path, 5, time.time())
    tended(path, Log(keep=3, compress=Compress.GZIP))
    assert [it.path for it in rotated_files(path)] == [Path(f"{file}.gz") for file in files[2:]]
    for number, file in enumerate(files[2:], 2):
        assert gzip.decompress(Path(f"{file}.gz").read_bytes()) == b"%099d\n" % number
        assert Path(f"{file}.gz").stat().st_mode & 0o777 == 0o640 & ~_umask()
    assert len(os.listdir(tmp_path)) == 3


def test_zstd(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "a.out.log"
    (file,) = made(path, 1)
    tended(path, Log(compress=Compress.ZSTD))
    with Path(f"{file}.zst").open("rb") as packed:
        assert zstandard.ZstdDecompressor().stream_reader(packed).read() == b"%099d\n" % 0
    assert not file.exists()


def test_half_written_archive_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.out.log"
    (file,) = made(path, 1)
    Path(f"{file}.gz.part").write_bytes(gzip.compress(file.read_bytes())[:20])
    tended(path, Log(compress=Compress.GZIP))
    assert os.listdir(tmp_path) == [f"{file.name}.gz"]
    assert gzip.decompress(Path(f"{file}.gz").read_bytes()) == b"%099d\n" % 0


def test_broken_off_compression_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.out.log"
    (file,) = made(path, 1)
    file.write_bytes(os.urandom(2**20))
    before = file.read_bytes()
    begun, archivist = threading.Event(), Archivist()
    compressor = archive._compressor

    def slow(raw: object, how: Compress) -> object:
        begun.set()
        while not archivist._closing:
            time.sleep(0.001)
        return compressor(raw, how)  # type: ignore[arg-type]

    monkeypatch.setattr(archive, "_compressor", slow)
    archivist.tend(path, Log(compress=Compress.GZIP))
    assert begun.wait(10)
    archivist.close(10)
    assert os.listdir(tmp_path) == [file.name]
    assert file.read_bytes() == before


def test_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.out.log"
    (file,) = made(path, 1)

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    tended(path, Log(compress=Compress.GZIP))
    assert os.listdir(tmp_path) == [file.name]
    assert "cannot be tended: [Errno 28] No space left on device" in caplog.text


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
