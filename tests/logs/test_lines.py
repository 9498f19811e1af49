"""Lines come out the same however their bytes were cut into chunks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.logs import lines
from supctl.logs.lines import LONGEST, LineSplitter

PARTS = [b"\n", b"\r\n", b"\r", b"a", b"\xff", "é".encode(), "世".encode(), "🎉".encode()]
CHUNKS = st.lists(st.lists(st.sampled_from(PARTS), max_size=20).map(b"".join), max_size=8)
SHORT = 8  # so that small examples are full of long lines


def split(chunks: Iterable[bytes], longest: int = LONGEST) -> list[bytes]:
    with patch.object(lines, "LONGEST", longest):
        splitter = LineSplitter()
        return [piece for chunk in chunks for piece in splitter.feed(chunk)] + splitter.end()


@given(CHUNKS, st.data())
def test_long_lines_come_in_the_same_pieces_however_they_are_cut(
    chunks: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(chunks)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=8).map(sorted))
    borders = [0, *cuts, len(whole)]
    other = [whole[a:b] for a, b in itertools.pairwise(borders)]
    assert split(chunks, SHORT) == split(other, SHORT) == split([whole], SHORT)


@given(CHUNKS)
def test_nothing_but_line_ends_is_lost_and_no_piece_is_too_long(chunks: list[bytes]) -> None:
    pieces = split(chunks, SHORT)
    assert b"".join(pieces) == re.sub(rb"\r?\n", b"", b"".join(chunks))
    assert all(len(piece.removesuffix(b"\r")) <= SHORT for piece in pieces)


@given(st.text(alphabet="aé世🎉\n"))
def test_no_character_is_cut(text: str) -> None:
    assert "".join(piece.decode() for piece in split([text.encode()], SHORT)) == text.replace(
        "\n", ""
    )


def test_text_split_at_every_offset_is_whole() -> None:
    data = "Grüße, 世界 🎉\r\nzwei\n".encode()
    for cut in range(len(data) + 1):
        assert split([data[:cut], data[cut:]]) == ["Grüße, 世界 🎉".encode(), b"zwei"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_of_the_greatest_length_is_one_line(end: bytes) -> None:
    assert split([b"x" * LONGEST + end[:1], end[1:] + b"next"])[0] == b"x" * LONGEST
    assert len(split([b"x" * LONGEST, end])) == 1


def test_after_what_is_skipped_comes_a_whole_line() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\ntw") == [b"one"]
    assert splitter.skip(b"o\nthree\nfo") == 2
    assert splitter.feed(b"ur\n") == [b"four"]


def test_skipping_an_endless_line_takes_no_memory() -> None:
    splitter = LineSplitter()
    assert sum(splitter.skip(b"x" * 1000) for _ in range(1000)) == 0
    assert len(b"".join(splitter.end())) <= LONGEST
