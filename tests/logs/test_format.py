"""What is stored of output: whatever way the bytes are cut, the same."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supctl.logs.format import (
    CONTINUED,
    LONGEST,
    RAW,
    JsonLines,
    Timestamped,
    WholeLines,
    Writer,
    stamp,
    writer_for,
)
from supctl.specs import Log
from supctl.specs.log import LogMode, LogTarget

NOW = 1_763_740_800.25
TIME = b"2025-11-21T16:00:00.250000Z"
SHORT = 10
"""Bytes of the longest line in these tests, so that many are too long."""

MAKERS: dict[str, Callable[[], Writer]] = {
    "raw": lambda: RAW,
    "timestamped": lambda: Timestamped(SHORT),
    "whole": lambda: WholeLines(SHORT),
    "labelled": lambda: WholeLines(SHORT, "/a stdout "),
    "json": lambda: JsonLines("/a", "stdout", 7, SHORT),
}
PIECES = st.sampled_from([
    b"\n", b"\r\n", b"a", b"0123456789", b"\0", b"\x1b[31m", b'"', b"\\", b"\\r", b"\t",
    "é€😀".encode(), b"\xff", b"\xe2\x82", b'{"a":1}', b'{"time":2}', b"{}", b"{", b"\x7f",
])  # fmt: skip
OUTPUT = st.lists(PIECES | st.binary(max_size=12), max_size=12).map(b"".join)


def stored(writer: Writer, *chunks: bytes) -> bytes:
    return b"".join(writer.feed(chunk, NOW) for chunk in chunks) + writer.end(NOW)


def objects(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(output=OUTPUT, cuts=st.lists(st.integers(0, 60), max_size=6))
@example(output=b"0123456789\nx", cuts=[10])
@example(output="é".encode() * 20, cuts=[5, 15])
@example(output=b"\\r\n\r\n\r", cuts=[])
def test_it_is_the_same_however_it_is_cut(
    make: Callable[[], Writer], output: bytes, cuts: list[int]
) -> None:
    places = [0, *sorted(cuts), len(output)]
    chunks = [output[a:b] for a, b in pairwise(places)]
    assert stored(make(), *chunks) == stored(make(), output)
    assert stored(make(), *(bytes([byte]) for byte in output)) == stored(make(), output)


def unwrapped(data: bytes, prefix: bytes, output: bytes) -> bytes:
    """Return the bytes that were stored, without what was put before the lines."""
    lines = [line.removeprefix(prefix) for line in data.split(b"\n")[:-1]]
    whole = b""
    for line in lines:
        if line.startswith(CONTINUED):
            whole = whole[:-1] + line.removeprefix(CONTINUED) + b"\n"
        else:
            whole += line + b"\n"
    return whole if output.endswith(b"\n") or not output else whole[:-1]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("timestamped", TIME + b" "), ("whole", b""), ("labelled", TIME + b" /a stdout ")],
)
@given(output=OUTPUT)
def test_every_byte_is_there_once(name: str, prefix: bytes, output: bytes) -> None:
    data = stored(MAKERS[name](), output)
    assert unwrapped(data, prefix, output) == output
    assert all(line.startswith(prefix) for line in data.split(b"\n")[:-1])
    assert max((len(line.removeprefix(prefix)) for line in data.split(b"\n")), default=0) <= (
        SHORT + len(CONTINUED)
    )


@given(output=OUTPUT)
def test_every_line_is_an_object_that_has_it_exactly(output: bytes) -> None:
    parts: list[bytes] = []
    for told in objects(stored(JsonLines("/a", "stdout", 7), output)):
        assert (told["time"], told["app"], told["pid"]) == (TIME.decode(), "/a", 7)
        if "base64" in told:
            parts.append(base64.b64decode(told["base64"]))
        elif "text" in told:
            parts.append(told["text"].encode())
        else:
            parts.append(b"{")
    lines = output.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    assert len(parts) == len(lines)
    for part, line in zip(parts, lines, strict=True):
        assert part == line.removesuffix(b"\r") or part == b"{" == line[:1]


def test_line_of_a_gigabyte_is_stored_in_parts_with_bounded_memory() -> None:
    for writer in (Timestamped(), WholeLines(), JsonLines("/a", "stdout", 7)):
        longest = 0
        for _ in range(4 * 16):
            longest = max(longest, len(writer.feed(b"x" * 65536, NOW)))
        assert longest <= LONGEST + 65536 + 1000
        assert len(writer.end(NOW)) <= LONGEST + 1000


@pytest.mark.parametrize("size", [LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST + 1])
def test_only_a_line_that_is_too_long_is_cut(size: int) -> None:
    data = stored(Timestamped(), b"x" * size + b"\nnext\n")
    assert data.count(b"\n") == 2 + (size - 1) // LONGEST
    assert data.count(CONTINUED) == (size - 1) // LONGEST


def test_timestamps_do_not_wait_for_the_end_of_a_line() -> None:
    writer = Timestamped()
    assert writer.feed(b"Password: ", NOW) == TIME + b" Password: "
    assert writer.feed(b"\n", NOW + 9) == b"\n"
    assert writer.feed(b"welcome\n", NOW) == TIME + b" welcome\n"


def test_objects() -> None:
    writer = JsonLines("/web/api:2", "stderr", 7)
    known = {
        "time": TIME.decode(), "app": "/web/api", "instance": 2, "stream": "stderr", "pid": 7
    }  # fmt: skip
    lines = [
        b"plain \xe2\x82\xac\r",
        b'{"level":"info","n":1.10}',
        b'{"pid":1,"text":"mine"}',
        b"{no object",
        b"[1]",
        b"\xff",
        b"",
        b"{}",
    ]
    assert objects(stored(writer, b"\n".join(lines) + b"\n")) == [
        known | {"text": "plain €"},
        known | {"level": "info", "n": 1.1},
        known | {"pid_": 1, "text_": "mine"},
        known | {"text": "{no object"},
        known | {"text": "[1]"},
        known | {"text": "\\xff", "base64": "/w=="},
        known | {"text": ""},
        known,
    ]
    assert b'"n":1.10}' in stored(writer, lines[1])  # to the last digit


def test_parts_of_an_object_that_is_too_long_are_texts() -> None:
    writer = JsonLines("/a", "stdout", 7, 8)
    told = objects(stored(writer, b'{"a":"0123456789"}\n'))
    assert [it["text"] for it in told] == ['{"a":"01', "23456789", '"}']
    assert ["continued" in it for it in told] == [False, True, True]


def test_what_was_dropped_is_said_in_the_same_form() -> None:
    said = b"[supctl: 3 lines, 99 bytes dropped: the log was too slow]\n"
    assert RAW.note(3, 99, NOW) == said
    assert Timestamped().note(3, 99, NOW) == TIME + b" " + said
    assert WholeLines().note(3, 99, NOW) == said
    assert RAW.note(1, 9, NOW).startswith(b"[supctl: 1 line, 9 bytes")
    (told,) = objects(JsonLines("/a", "stdout", 7).note(3, 99, NOW))
    assert (told["dropped_lines"], told["dropped_bytes"]) == (3, 99)


def test_who_shares_a_place_writes_whole_lines() -> None:
    shared = [
        Log(file="/a"), Log(error_file="/a"), Log(together=True), Log(merged=True),
        Log(to=LogTarget.STDOUT), Log(to=LogTarget.SYSLOG),
    ]  # fmt: skip
    for log in shared:
        assert writer_for(log, "/a", "stdout", 7).feed(b"half a line", NOW) == b""
    for mode in (LogMode.RAW, LogMode.NONE):
        assert writer_for(Log(mode=mode), "/a", "stdout", 7) is RAW
    together = writer_for(Log(LogMode.TIMESTAMPED, together=True), "/a", "stderr", 7)
    assert together.feed(b"x\n", NOW) == TIME + b" /a stderr x\n"


@given(st.floats(0, 4e9))
def test_stamps(moment: float) -> None:
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", stamp(moment))
