from __future__ import annotations

from configparser import Error, RawConfigParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config import ConfigErrors
from supctl.config.ini import parse_ini


def read(text: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for section in parse_ini(text, "f"):
        found.setdefault(section.name, {}).update({it.key: it.value for it in section.entries})
    return found


def test_lines_comments_and_continuations() -> None:
    text = "; x\n[a b] ; y\nKey = v ; w\nk2: u;v # t\n  more\n\n# z\n  and more\nk3=\n"
    assert read(text) == {"a b": {"key": "v", "k2": "u;v\nmore\nand more", "k3": ""}}
    (section,) = parse_ini(text, "f")
    assert [(it.key, it.line) for it in section.entries] == [("key", 3), ("k2", 4), ("k3", 9)]


def test_all_lines_that_do_not_parse_are_told() -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_ini("a=1\n[b]\nwhat\n= 3\n", "f")
    assert [str(it) for it in caught.value.mistakes] == [
        "f:1: begins with 'a=1'; wanted a section first, such as [program:web]",
        "f:3: holds 'what'; wanted key = value (indent it if it continues the line above)",
        "f:4: holds '= 3'; wanted key = value (indent it if it continues the line above)",
    ]


LINES = st.one_of(
    st.sampled_from(
        ["[a]", "[b]", "k=v", "k: v", "  x", "", "# c", "k = v ; c", "x#y=1 #", "\tz=1"]
    ),
    st.text("ab=:;# [\t]", max_size=8),
)


@given(lines=st.lists(LINES, max_size=8))
def test_what_it_reads_is_what_python_reads(lines: list[str]) -> None:
    text = "[a]\n" + "\n".join(lines)
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False, default_section="-")
    try:
        parser.read_string(text)
    except Error:
        with pytest.raises(ConfigErrors):
            parse_ini(text, "f")
        return
    wanted = {
        name: {
            key: "\n".join(filter(None, value.split("\n"))) for key, value in parser[name].items()
        }
        for name in parser.sections()
    }
    assert read(text) == wanted
