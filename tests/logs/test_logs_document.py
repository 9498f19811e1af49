"""docs/logs.md says what is so."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

from supctl.config.document import read_native
from supctl.logs import format as format_module
from supctl.logs.meter import StreamReport
from supctl.specs import App, Log
from tests.documents import page

PAGE = page("logs.md")


def keys_of(table: str) -> set[str]:
    """Return the keys in the first column of a table below a heading."""
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}


def test_every_key_is_told() -> None:
    assert keys_of(PAGE.partition("## Files")[0]) == {it.name for it in fields(Log)}


def test_every_figure_is_told() -> None:
    assert keys_of(PAGE.partition("## Figures")[2]) == {it.name for it in fields(StreamReport)}


def test_the_example_is_read() -> None:
    text = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]
    (app,) = read_native(tomllib.loads(text), "x", Path("/"), {}).children
    assert isinstance(app, App)
    assert app.log is not None
    assert (app.log.max_size, app.log.keep, str(app.log.mode)) == (100 * 2**20, 5, "timestamped")


def test_our_fields_are_told() -> None:
    told = set(re.findall(r'"(\w+)":|`"?(\w+)"?`', PAGE.partition("## Modes")[2]))
    assert {name for pair in told for name in pair} >= format_module.OURS
