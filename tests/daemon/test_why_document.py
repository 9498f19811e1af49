"""docs/why.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from supctl.daemon import chronicle, last_words
from supctl.journal import journal
from supctl.journal.record import decode, header
from supctl.journal.segments import KEPT, SIZE, segments_of

from .conftest import Desk

DOCUMENT = (Path(__file__).parents[2] / "docs" / "why.md").read_text()


def test_its_figures_are_those_of_the_code() -> None:
    assert KEPT == 8
    assert f"eight files of {SIZE >> 20} MiB" in DOCUMENT
    assert last_words.LINES == 10
    assert "the last ten lines of output" in DOCUMENT
    text = " ".join(DOCUMENT.split())
    assert f"{journal._WAITING:,} events wait" in text
    assert f"keeps the latest {chronicle._SPARED} events" in text


def test_a_file_is_what_it_says(desk: Desk) -> None:
    assert decode(header().removesuffix(b"\n")) == json.loads('{"journal":1}')
    assert '`{"journal":1}`' in DOCUMENT
    desk.run("start", desk.write("[apps.a]\ncommand = ['sleep', '1000']\n"))
    desk.run("kill", "--yes")
    (path,) = segments_of(desk.home.journal)
    first, *events = path.read_bytes().splitlines()
    assert first == header().removesuffix(b"\n")
    (facts,) = re.findall(r"all others an\s+event with (.*?)\(the", DOCUMENT, re.DOTALL)
    for line in events:
        told = decode(line)
        assert told is not None
        assert {*re.findall(r"`(\w+)`", facts), "at_wall"} <= told.keys()
        assert "at" not in told
        assert re.fullmatch(rb"[0-9a-f]{8} \{.*\}", line)
