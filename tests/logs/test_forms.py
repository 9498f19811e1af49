"""What was stored is read back as what was written, in every mode."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.logs.file import INTERRUPTED
from supctl.logs.format import writer_for
from supctl.logs.reading.entry import Entry
from supctl.logs.reading.forms import form_of
from supctl.logs.reading.place import Place
from supctl.specs import Log

NOON = 1_800_000_000.25
STAMP = "2027-01-15T08:00:00.250000Z"
MODES = ("raw", "timestamped", "json")


def place(mode: str, *, is_shared: bool = False) -> Place:
    return Place("/logs/api.log", mode, is_shared, (("/web/api:2", "stderr"),))


def read(stored: bytes, place: Place) -> list[Entry]:
    form = form_of(place)
    return [form(line + b"\n", None, 1.0) for line in stored.split(b"\n")[:-1]]


texts = st.one_of(
    st.binary(max_size=20).map(lambda it: it.replace(b"\n", b"")),
    st.text(max_size=20).map(lambda it: it.replace("\n", "").encode("utf-8", "replace")),
    st.sampled_from([b'{"level":"info","n":1.50}', b"{}", b"{", b'"text":"x"', b'a","b', b"\\"]),
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("is_shared", [False, True])
@given(st.lists(texts, max_size=5))
def test_any_lines_come_back(mode: str, is_shared: bool, lines: list[bytes]) -> None:
    log = Log(mode=mode, file="/logs/api.log" if is_shared else None)  # type: ignore[arg-type]
    writer = writer_for(log, "/web/api:2", "stderr", 4711)
    stored = writer.feed(b"".join(line + b"\n" for line in lines), NOON) + writer.end(NOON)
    entries = read(stored, place(mode, is_shared=is_shared))
    assert b"".join(entry.stored for entry in entries) == stored
    assert {entry[2:4] for entry in entries} <= {("/web/api:2", "stderr")}
    assert {entry.at_wall for entry in entries} <= {None if mode == "raw" else NOON}
    # Line ends of other systems are no part of a line, nor is what cannot be told from them.
    assert [entry.text for entry in entries] == [line.removesuffix(b"\r") for line in lines]


@pytest.mark.parametrize("mode", MODES)
def test_what_was_stored_in_another_mode_is_shown_as_it_is(mode: str) -> None:
    (entry,) = read(b"2027 was better\r\n", place(mode))
    assert entry[:5] == (None, 1.0, "/web/api:2", "stderr", b"2027 was better")
    assert not entry.is_wrapped


def test_dropped_lines_are_told() -> None:
    log = Log(mode="json")  # type: ignore[arg-type]
    note = writer_for(log, "/api", "stdout", 1).note(3, 100, NOON)
    (entry,) = read(note, place("json"))
    assert entry.text == b"[supctl: 3 lines, 100 bytes dropped]"


def test_a_line_that_was_cut_short_anywhere_is_read_nevertheless() -> None:
    log = Log(mode="json")  # type: ignore[arg-type]
    line = writer_for(log, "/api", "stdout", 1).feed(b'say \xff "hello"\n', NOON)
    for end in range(len(line) - 1):
        (entry,) = read(line[:end] + INTERRUPTED, place("json"))
        assert entry.shown.endswith(" [interrupted]")
        assert json.loads(entry.as_json())["stream"] in ("stdout", "stderr")


@pytest.mark.parametrize(
    ("owners", "whose"),
    [
        ([("/a", "stdout"), ("/a", "stderr")], ("/a", "both")),
        ([("/a:1", "stdout"), ("/a:2", "stdout")], ("/a", "stdout")),
        ([("/a", "stdout"), ("/b", "stdout")], ("shared.log", "stdout")),
    ],
)
def test_whose_a_line_is_that_nobody_knows(
    owners: list[tuple[str, str]], whose: tuple[str, str]
) -> None:
    (entry,) = read(b"one\n", Place("/logs/shared.log", "raw", True, tuple(owners)))
    assert entry[2:4] == whose


def told(entry: Entry) -> dict[str, object]:
    found: dict[str, object] = json.loads(entry.as_json())
    return found


def test_as_json_is_what_the_json_mode_stores() -> None:
    own = b'{"level":"info","text":"x"}'
    for line in (b"plain", own, b"\xff", b'"'):
        known: dict[str, object] = {"app": "/web/api", "instance": 2, "stream": "stderr"}
        stored = {}
        for mode in MODES:
            log = Log(mode=mode)  # type: ignore[arg-type]
            writer = writer_for(log, "/web/api:2", "stderr", 4711)
            (entry,) = read(writer.feed(line + b"\n", NOON), place(mode))
            stored[mode] = told(entry)
        assert stored["raw"] == {**stored["timestamped"], "time": None}
        assert stored["timestamped"]["time"] == stored["json"]["time"] == STAMP
        assert stored["json"].items() >= known.items()
        if line == own:
            assert stored["json"] == {"time": STAMP, **known, "pid": 4711, "level": "info",
                                      "text_": "x"}  # fmt: skip
            assert stored["raw"]["text"] == own.decode()
        else:
            assert stored["json"] == {**stored["timestamped"], "pid": 4711}
    assert base64.b64decode(told(read(b"\xff\n", place("raw"))[0])["base64"]) == b"\xff"  # type: ignore[arg-type]


def test_text_that_is_long_is_not_confused_with_its_begin() -> None:
    data = b'{"time":"' + b"x" * 1000 + b"\n"
    assert [it.text for it in read(data, place("json"))] == [data[:-1]]
