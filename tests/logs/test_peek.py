"""What is in a pipe can be looked at, and stays there."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from supctl.logs.peek import LARGE_PIPE, Peeker, capacity_of, enlarge, waiting_in

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def peeker() -> Iterator[Peeker]:
    peeker = Peeker()
    yield peeker
    peeker.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def test_what_was_looked_at_is_still_there(peeker: Peeker, pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.write(write, b"one\ntwo\n")
    assert peeker.peek(read, 100) == peeker.peek(read, 100) == b"one\ntwo\n"
    assert peeker.peek(read, 2) == b"on"
    peeker.discard(read, 4)
    assert (waiting_in(read), os.read(read, 100)) == (4, b"two\n")
    with pytest.raises(BlockingIOError):
        peeker.peek(read, 100)


def test_all_of_a_large_pipe_is_seen(peeker: Peeker, pipe: tuple[int, int]) -> None:
    read, write = pipe
    enlarge(read)
    assert capacity_of(read) == LARGE_PIPE
    data = os.urandom(LARGE_PIPE)
    os.write(write, data)
    assert peeker.peek(read, 2**20) == data
    peeker.discard(read, LARGE_PIPE)
    assert waiting_in(read) == 0


def test_the_end_is_seen_behind_what_is_left(peeker: Peeker) -> None:
    read, write = os.pipe()
    os.write(write, b"last words")
    os.close(write)
    assert peeker.peek(read, 100) == b"last words"
    peeker.discard(read, 10)
    assert peeker.peek(read, 100) == b""
    os.close(read)


def test_only_pipes_can_be_looked_into(peeker: Peeker, pipe: tuple[int, int]) -> None:
    assert peeker.can_peek(pipe[0])
    with open(__file__) as file:
        assert not peeker.can_peek(file.fileno())
