"""The last lines of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.logs import tail as module
from supctl.logs.tail import tail


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.out.log"


@pytest.mark.parametrize(
    ("held", "count", "last"),
    [
        (b"", 3, []),
        (b"a\nb\nc\n", 2, [b"b", b"c"]),
        (b"a\nb\nc", 2, [b"b", b"c"]),
        (b"a\r\n\nc\r\n", 5, [b"a", b"", b"c"]),
        (b"a\nb\n", 0, []),
        (b"x" * 100_000 + b"\nb\n" * 50_000, 2, [b"", b"b"]),
    ],
)
def test_the_last_lines(file: Path, held: bytes, count: int, last: list[bytes]) -> None:
    file.write_bytes(held)
    assert tail(file, count) == last


def test_a_file_that_is_not_there_has_none(file: Path) -> None:
    assert tail(file, 3) == []


def test_a_line_without_end_is_not_read_whole(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(10 * 2**30)
    (line,) = tail(file, 1)
    assert len(line) == 64 * 1024


@given(st.binary(), st.integers(0, 20), st.integers(1, 9))
def test_however_it_is_read_it_is_what_splitting_gives(
    tmp_path_factory: pytest.TempPathFactory, held: bytes, count: int, block: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "some.out.log"
    file.write_bytes(held)
    lines = held.split(b"\n")[: -1 if held.endswith(b"\n") or not held else None]
    wanted = [line.removesuffix(b"\r") for line in lines][len(lines) - min(count, len(lines)) :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        assert tail(file, count) == wanted
