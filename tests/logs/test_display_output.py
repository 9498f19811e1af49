"""The display and its output: stuck, closed, not blocking, a terminal."""

from __future__ import annotations

import os
import pty
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pytest

from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.logs.display import Display

pytestmark = pytest.mark.usefixtures("nothing_left")


@dataclass
class Channel:
    """An output and what reads it, if it reads."""

    reader: int
    out: BinaryIO

    def read_until(self, wanted: bytes) -> bytes:
        data = b""
        while wanted not in data:
            data += os.read(self.reader, 65536)
        return data


@pytest.fixture
def channel() -> Iterator[Channel]:
    read, write = os.pipe()
    with os.fdopen(write, "wb", buffering=0) as out:
        yield Channel(read, out)
    os.close(read)


@pytest.fixture
def terminal() -> Iterator[Channel]:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "wb", buffering=0) as out:
        yield Channel(leader, out)
    os.close(leader)


def test_what_is_shown_and_what_is_not_add_up(channel: Channel) -> None:
    display = Display(["/a"], channel.out)
    total = 100_000
    for number in range(total):
        display.show("/a", "stdout", b"%050d\n" % number)
    text = channel.read_until(b"not shown: the output is too slow\n").decode()
    display.show("/a", "stdout", b"it flows again\n")
    text += channel.read_until(b"flows again\n").decode()
    display.close()
    *shown, notice, last = text.splitlines()
    assert shown == [f"a | {number:050d}" for number in range(len(shown))]
    missing = re.match(r"\.\.\. (\d+) lines not shown", notice)
    assert missing
    assert len(shown) + int(missing[1]) == total
    assert last == "a | it flows again"


def test_stuck_output_keeps_no_byte_from_its_file(
    channel: Channel, directory: LogDirectory
) -> None:
    display = Display(["/a"], channel.out)
    capture = Capture(directory, tap=display.show)
    read, write = os.pipe()
    capture.attach("/a", "stdout", read)
    block = b"%063d\n" % 7 * 1024
    for _ in range(64):
        os.write(write, block)
    os.close(write)
    capture.close()
    display.close(patience=0.0)
    channel.read_until(b"7\n")  # lets the writer go: it was in the middle of a write
    assert directory.file_of("/a", "stdout").read_bytes() == block * 64


def test_close_waits_no_longer_than_it_may(channel: Channel) -> None:
    display = Display(["/a"], channel.out)
    for _ in range(1000):
        display.print("x" * 1000)
    display.close(patience=0.0)


def test_output_that_others_have_made_nonblocking_loses_nothing(channel: Channel) -> None:
    os.set_blocking(channel.out.fileno(), False)
    display = Display(["/a"], channel.out)
    for _ in range(500):
        display.print("x" * 1000)
    display.print("end")
    closing = threading.Thread(target=display.close, args=(10.0,))
    closing.start()
    text = channel.read_until(b"end\n")
    closing.join()
    assert text == (b"x" * 1000 + b"\n") * 500 + b"end\n"


def test_long_line_is_shown_in_pieces_that_are_text(channel: Channel) -> None:
    display = Display(["/a"], channel.out)
    display.show("/a", "stdout", ("x" + "世" * 5000).encode() + b"\nend\n")
    *pieces, last = channel.read_until(b"end\n").decode().splitlines()
    display.close()
    assert "".join(piece.removeprefix("a | ") for piece in pieces) == "x" + "世" * 5000
    assert last == "a | end"


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("", True), ("1", False)])
def test_terminal_is_coloured_unless_the_user_minds(
    terminal: Channel, monkeypatch: pytest.MonkeyPatch, no_color: str | None, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    display = Display(["/a"], terminal.out)
    assert display.is_coloured is coloured
    display.show("/a", "stdout", b"end\n")
    text = terminal.read_until(b"end")
    display.close()
    assert (b"\x1b[36m" in text) is coloured


def test_its_output_may_be_closed_by_its_owner(channel: Channel) -> None:
    display = Display(["/a"], channel.out)
    channel.out.close()
    display.print("end")
    assert channel.read_until(b"\n") == b"end\n"
    display.close()
