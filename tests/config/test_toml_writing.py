"""Documents written as TOML: what is read back is the same, and looks as people write it."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config import load
from supctl.config.toml_writing import toml_text
from supctl.config.translation import as_toml
from supctl.errors import InvalidConfig

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.text(
    'a"\\\n\t$ ', max_size=12
)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXT | st.just("apps"), VALUES, max_size=4))
def test_tables_are_read_as_they_were_written(tables: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(tables)) == tables


@given(st.dictionaries(st.sampled_from(["", "apps"]), st.lists(TEXT, max_size=2)))
def test_comments_change_nothing(comments: dict[str, list[str]]) -> None:
    assert tomllib.loads(toml_text({"apps": {"a": 1}}, comments)) == {"apps": {"a": 1}}


def test_what_is_long_is_broken_and_what_is_short_is_not() -> None:
    tables = {
        "supervisor": {"start": "concurrent"},
        "apps": {
            "a": {
                "command": ["sh", "-c", "one\ntwo\n"],
                "stop": {"grace": 1.5, "signal": "INT"},
                "env": {f"A_LONG_NAME_{number}": "a value of some length" for number in range(4)},
                "tags": [f"a-word-of-some-length-{number}" for number in range(5)],
            },
            "b.c": {"apps": {"d": {"command": ["x"]}}},
        },
    }
    assert toml_text(tables, {"": ["first"], "apps.a": ["about a"]}) == (
        '''# first

[supervisor]
start = "concurrent"

# about a
[apps.a]
command = ["sh", "-c", """
one
two
"""]
stop = { grace = 1.5, signal = "INT" }
tags = [
    "a-word-of-some-length-0",
    "a-word-of-some-length-1",
    "a-word-of-some-length-2",
    "a-word-of-some-length-3",
    "a-word-of-some-length-4",
]

[apps.a.env]
A_LONG_NAME_0 = "a value of some length"
A_LONG_NAME_1 = "a value of some length"
A_LONG_NAME_2 = "a value of some length"
A_LONG_NAME_3 = "a value of some length"

[apps."b.c".apps.d]
command = ["x"]
'''
    )


def test_what_toml_has_no_word_for_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidConfig) as caught:
        toml_text({"apps": {"a": {"args": [1, None]}}})
    assert caught.value.field == "apps.a.args[1]"


EXAMPLES = Path(__file__).parents[2] / "examples" / "formats"
NAMES = {
    "process-compose.yaml", "Procfile", "supervisord.conf", "web.service", "ecosystem.config.js",
    "bunctl.json", "services.json",
}  # fmt: skip
FILES = sorted(it for it in EXAMPLES.glob("*/*") if it.name in NAMES)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["beside", "elsewhere"])
@pytest.mark.parametrize("file", FILES, ids=lambda it: f"{it.parent.name}/{it.name}")
def test_an_import_is_the_same_tree(file: Path, tmp_path: Path, elsewhere: bool) -> None:
    home = tmp_path / file.parent.name
    shutil.copytree(file.parent, home)
    loaded = load(home / file.name, to_run_here=False)
    there = tmp_path / "there" / home.name if elsewhere else home
    there.mkdir(parents=True, exist_ok=True)
    (there / "supctl.toml").write_text(as_toml(loaded, there))
    again = load(there / "supctl.toml", to_run_here=False)
    assert again.root.children == loaded.root.children
    assert again.remarks == ()
