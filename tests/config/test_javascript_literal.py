from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config.javascript import NotLiteral, literal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_means_what_it_means_in_json(value: object) -> None:
    assert literal(json.dumps(value)) == value
    assert literal(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ufeff{a: 1}", {"a": 1}),
        ("{a: 1, // comment\n 'b-c': 'x', /* more\n */ $d: `y`,}", {"a": 1, "b-c": "x", "$d": "y"}),
        ("[1, 2,]", [1, 2]),
        ("[0x10, -1.5, +2, .5, 1., 1e3, 1_000]", [16, -1.5, 2, 0.5, 1, 1000, 1000]),
        (
            r"""['\x41B\u{1F600}\n\'', "a\
b"]""",
            ["AB\U0001f600\n'", "ab"],
        ),
        (r'"\ud83d\ude00"', "\U0001f600"),
        ("{a: 1, a: 2}", {"a": 2}),
        ("{a: undefined, b: [undefined]}", {"b": [None]}),
        ("{a: 1};", {"a": 1}),
        ("{1: 2}", {"1": 2}),
    ],
)
def test_what_json_does_not_know(text: str, value: object) -> None:
    assert literal(text) == value


@pytest.mark.parametrize(
    "start",
    ["module.exports =", "'use strict';\n\nmodule.exports=", "export default", "exports = ", ""],
)
def test_what_a_file_exports(start: str) -> None:
    assert literal(f"// what runs\n{start} {{ apps: [] }};\n", exported=True) == {"apps": []}


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("{\n  a: 1\n  b: 2}", "found 'b: 2}' in place of a comma or }", 3, 3),
        ("{a: process.env.A}", "found 'process.env.A}' in place of a value", 1, 5),
        (
            "{a: `${b}`}",
            "found '`${b}`}' in place of text that ends with the quote it began with",
            1,
            5,
        ),
        ("{a}", "found '}' in place of a colon after the key 'a'", 1, 3),
        ("{...b}", "found '...b}' in place of a key or }", 1, 2),
        ("[1", "found the end of the file in place of a comma or ]", 1, 3),
        ("", "found the end of the file in place of a value", 1, 1),
        ("{} {}", "found '{}' in place of the end of the file", 1, 4),
        ("module.exports = {}", "found 'module.exports = {}' in place of a value", 1, 1),
        (
            "[1, 'a\nb']",
            'found "\'a" in place of text that ends with the quote it began with',
            1,
            5,
        ),
        (
            r"'\ud800'",
            "found \"'\\\\ud800'\" in place of whole characters, not halves of one",
            1,
            1,
        ),
        ("1e999", "found '1e999' in place of a smaller number", 1, 1),
        ("9" * 5000, f"found '{'9' * 20}' in place of a smaller number", 1, 1),
        ("01", "found '01' in place of a value", 1, 1),
    ],
)
def test_what_is_no_data_is_refused_where_it_is(
    text: str, message: str, line: int, column: int
) -> None:
    with pytest.raises(NotLiteral) as caught:
        literal(text)
    assert (caught.value.message, caught.value.line, caught.value.column) == (message, line, column)


def test_what_nests_too_deeply_is_refused() -> None:
    assert literal("[" * 100 + "]" * 100)
    with pytest.raises(NotLiteral, match="up to 100 deep"):
        literal("[" * 100_000)


@given(st.text(alphabet="{}[]'\"`\\,:/*$ \n\r0x1.eE+-_ntrufalsepomdx="))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(NotLiteral):
        literal(text, exported=True)
