"""The last lines of a log, over all of its files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from supctl.logs.last import last_lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of seven lines in three files, the first of them compressed."""
    path = tmp_path / "api.out.log"
    (tmp_path / "api.out.log.20261121T100000.000000Z.gz").write_bytes(gzip.compress(b"1\n2\n3\n"))
    (tmp_path / "api.out.log.20261121T110000.000000Z").write_bytes(b"4\n5\n")
    (tmp_path / "api.out.log.20261121T120000.000000Z.part").write_bytes(b"half of one")
    path.write_bytes(b"6\n7")
    return path


@pytest.mark.parametrize("count", range(9))
def test_as_many_lines_as_there_are_from_as_many_files_as_it_takes(log: Path, count: int) -> None:
    assert last_lines(log, count) == [b"1", b"2", b"3", b"4", b"5", b"6", b"7"][max(0, 7 - count) :]


def test_what_has_only_been_rotated_so_far_is_there(log: Path) -> None:
    log.unlink()
    assert last_lines(log, 3) == [b"3", b"4", b"5"]
    assert last_lines(log.parent / "nobody" / "x.log", 3) == []


def test_one_that_is_rotated_while_it_is_read_is_there_once(log: Path) -> None:
    log.with_name("api.out.log.20261121T130000.000000Z").hardlink_to(log)
    assert last_lines(log, 4) == [b"4", b"5", b"6", b"7"]
