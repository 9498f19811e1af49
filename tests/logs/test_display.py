"""Lines of many streams on one output."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.logs.display import Display
from supctl.logs.lines import LONGEST, LineSplitter


class Output:
    """A pipe in the place of a terminal."""

    def __init__(self) -> None:
        self.read_end, write_end = os.pipe()
        self.file = os.fdopen(write_end, "wb", buffering=0)

    def close_writer(self) -> None:
        self.file.close()

    def rest(self) -> str:
        """Return all that was written and not read, once there is no writer."""
        self.close_writer()
        data = b""
        while piece := os.read(self.read_end, 65536):
            data += piece
        return data.decode()

    def stop_reading(self) -> None:
        if self.read_end >= 0:
            os.close(self.read_end)
            self.read_end = -1


@pytest.fixture
def output() -> Iterator[Output]:
    output = Output()
    yield output
    output.close_writer()
    output.stop_reading()


def test_lines_stand_behind_padded_names(output: Output) -> None:
    display = Display(["/api", "/web/mailer"], output.file)
    display.show("/api", "stdout", b"one\ntw")
    display.show("/web/mailer", "stderr", b"oops\r\n")
    display.show("/api", "stdout", b"o\nthree")
    display.print("supctl: a word of ours")
    display.show("/api", "stdout", b"")
    display.close()
    assert output.rest().splitlines() == [
        "api        | one",
        "web/mailer ! oops",
        "api        | two",
        "supctl: a word of ours",
        "api        | three",
    ]


def test_names_are_coloured_and_a_programs_colour_ends_with_its_line(output: Output) -> None:
    display = Display(["/a", "/b"], output.file, colour=True)
    display.show("/a", "stdout", b"\x1b[31mred\n")
    display.show("/b", "stdout", b"plain\n")
    display.close()
    first, second = output.rest().splitlines()
    assert first == "\x1b[36ma | \x1b[0m\x1b[31mred\x1b[0m"
    assert second == "\x1b[33mb | \x1b[0mplain"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"clear\x1b[2J\x1b[Hed", "cleared"),
        (b"title\x1b]0;gotcha\x07!", "title!"),
        (b"over\rwrite\x08\x07", "overwrite"),
        (b"bad \xff utf-8", "bad \\xff utf-8"),
        ("Grüße, 世界".encode(), "Grüße, 世界"),
        (b"tab\there", "tab\there"),
    ],
)
def test_what_would_wreck_the_terminal_is_left_out(
    output: Output, written: bytes, shown: str
) -> None:
    display = Display(["/a"], output.file)
    display.show("/a", "stdout", written + b"\n")
    display.close()
    assert output.rest() == f"a | {shown}\n"


def test_stuck_output_keeps_nobody_waiting_and_says_what_is_missing(output: Output) -> None:
    display = Display(["/a"], output.file)
    for number in range(30_000):  # much more than a pipe and the display hold
        display.show("/a", "stdout", b"%d %s\n" % (number, b"x" * 50))
    output_text = b""
    while b"not shown" not in output_text:
        output_text += os.read(output.read_end, 65536)
    display.close()
    assert output_text.startswith(b"a | 0 ")


def test_closed_output_is_no_error(output: Output) -> None:
    display = Display(["/a"], output.file)
    output.stop_reading()
    for _ in range(100):
        display.show("/a", "stdout", b"nobody looks\n")
    display.close()


@given(st.lists(st.binary(max_size=40)))
def test_however_it_is_cut_the_lines_are_the_same(chunks: list[bytes]) -> None:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    lines += splitter.end()
    expected = b"".join(chunks).split(b"\n")
    last = expected.pop()
    expected = [line.removesuffix(b"\r") for line in expected] + ([last] if last else [])
    assert lines == expected


def test_multibyte_text_split_at_every_offset_is_whole(output: Output) -> None:
    text = "Grüße, 世界 🎉\n".encode()
    display = Display(["/a"], output.file)
    for cut in range(len(text)):
        display.show("/a", "stdout", text[:cut] or b"")
        display.show("/a", "stdout", text[cut:])
    display.close()
    assert output.rest().splitlines() == ["a | Grüße, 世界 🎉"] * len(text)


def test_endless_line_comes_in_pieces() -> None:
    splitter = LineSplitter()
    pieces = [piece for _ in range(100) for piece in splitter.feed(b"x" * 1000)]
    pieces += splitter.end()
    assert b"".join(pieces) == b"x" * 100_000
    assert max(map(len, pieces)) == LONGEST
