from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config import ConfigErrors
from supctl.config.syntax import is_json, parse


def refused(content: bytes, *, as_json: bool = False) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse(content, "f", as_json=as_json)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"[apps.x]\nrestart = always\n",
            "f:2:11: does not parse: invalid value; wanted TOML "
            '(put text in quotes: restart = "always")',
        ),
        (
            b"[apps.x]\n[apps.x]\n",
            "f:2:8: does not parse: cannot declare apps.x twice; wanted TOML "
            "(give every table a name of its own)",
        ),
        (
            b"[a]\nb = [1, 2\n\n",
            "f:2: does not parse: unclosed array; wanted TOML "
            "(the file ends before it is finished)",
        ),
        (
            b"x = 1\ny = '\xff'\n",
            "f:2: holds the byte 0xff where text cannot have it; wanted UTF-8 text "
            "(save the file as UTF-8)",
        ),
    ],
)
def test_toml_that_does_not_parse_is_placed(content: bytes, sentence: str) -> None:
    assert refused(content) == [sentence]


@pytest.mark.parametrize(
    ("content", "start"),
    [
        (b'{"apps":\n  {x: 1}}', "f:2:4: does not parse: expecting property name"),
        (b"", "f:1:1: does not parse: expecting value"),
        (b"[1]", "f: holds a list; wanted a table"),
        (b"1", "f: holds a single value; wanted a table"),
        (b'{"a": ' + b"9" * 5000 + b"}", "f: holds a number of thousands of digits"),
        (b'{"a": "\\ud800"}', "f: holds half of a character, '\\ud800'"),
        (b'{"a": ' + b"[" * 100_000, "f: nests too deeply"),
        (b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", "f: nests too deeply"),
    ],
)
def test_json_that_cannot_be_used(content: bytes, start: str) -> None:
    (sentence,) = refused(content, as_json=True)
    assert sentence.startswith(start)


def test_every_duplicate_key_of_json_is_found() -> None:
    content = b'{"apps": {"x": 1, "x": {"a b": 1, "a b": 2}}, "l": [{"y": 1, "y": 1}]}'
    assert [line.partition(" is ")[0] for line in refused(content, as_json=True)] == [
        "f: apps.x",
        'f: apps.x."a b"',
        "f: l[0].y",
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_byte_order_mark_is_passed_over(as_json: bool) -> None:
    content = b'\xef\xbb\xbf{"a": 1}' if as_json else b"\xef\xbb\xbfa = 1"
    assert parse(content, "f", as_json=as_json) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", b"", True),
        ("a.toml", b"{", False),
        ("63", b"\n {", True),
        ("63", b"[apps.x]", False),
        ("63", b"\xef\xbb\xbf{", True),
    ],
)
def test_json_is_told_by_name_else_by_content(name: str, content: bytes, expected: bool) -> None:
    assert is_json(Path(name), content) is expected


@pytest.mark.parametrize("as_json", [False, True])
@given(content=st.binary() | st.text(alphabet='[]{}=".,\\ud8a1\n #').map(str.encode))
def test_garbage_parses_or_is_refused_in_a_line_each(as_json: bool, content: bytes) -> None:
    try:
        assert isinstance(parse(content, "f", as_json=as_json), dict)
    except ConfigErrors as error:
        lines, mistakes = str(error).splitlines(), error.mistakes
    else:
        return
    assert len(lines) == len(mistakes)
    assert all(line.startswith("f:") for line in lines)
