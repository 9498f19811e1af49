"""``supctl.yaml``: the tables of ``supctl.toml`` in YAML, with the words of YAML 1.2."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.yaml_syntax import parse_yaml


def parse(text: str) -> dict[str, Any]:
    return parse_yaml(text.encode(), "f")


def refused(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    with pytest.raises(ConfigErrors) as caught:
        parse_yaml(data, "f")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("~", None),
        ("null", None),
        ("", None),
        ("12", 12),
        ("-0", 0),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!float 1", 1.0),
        ("! 12", "12"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("[1, [a, {b: c}]]", [1, ["a", {"b": "c"}]]),
    ],
)
def test_a_value_means_what_yaml_1_2_says(text: str, value: object) -> None:
    assert parse(f"x: {text}") == {"x": value}


def test_keys_are_text_as_they_are_written() -> None:
    assert parse("8080: a\nyes: b\ntrue: c\n~: d") == {
        "8080": "a",
        "yes": "b",
        "true": "c",
        "~": "d",
    }


def test_aliases_and_merge_keys() -> None:
    text = """
usual: &usual {restart: always, nice: 1, env: {A: x}}
more: &more {nice: 2, umask: "022"}
one: {<<: *usual, nice: 3}
two: {nice: 4, <<: [*more, *usual]}
three: *more
"<<": text
"""
    tables = parse(text)
    assert tables["one"] == {"restart": "always", "nice": 3, "env": {"A": "x"}}
    assert tables["two"] == {"restart": "always", "nice": 4, "env": {"A": "x"}, "umask": "022"}
    assert tables["three"] == {"nice": 2, "umask": "022"}
    assert tables["<<"] == "text"


def test_nothing_is_an_empty_table_as_in_toml() -> None:
    assert parse("") == parse("# nothing\n") == parse("---\n...\n") == {}


def test_a_byte_order_mark_and_other_line_ends_are_passed_over() -> None:
    assert parse_yaml(b"\xef\xbb\xbfx:\r\n  y: 1\r\n", "f") == {"x": {"y": 1}}


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MERGE_BOMB = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{k: [{', '.join([f'*a{n - 1}'] * 10)}]}}\nb{n}: {{<<: *a{n}}}\n"
    for n in range(1, 10)
)
LADDER = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("x: [1, 2", "f:2:1: does not parse: "),
        ("x: y: z", "f:1:5: does not parse: mapping values are not allowed in this context; "),
        ("x:\n\ty: 1", "f:2:1: does not parse: found character"),
        ("x: 'a", "f:1:6: does not parse: found unexpected end of stream"),
        ("x: a\nx: b", "f:2:1: x is there twice; wanted every key once (the second one would"),
        ("a:\n  b: {c: 1, c: 2}", "f:2:13: a.b.c is there twice"),
        ("<<: {a: 1}\n<<: {b: 1}", 'f:2:1: "<<" is there twice'),
        ("<<: 3", "f:1:1: merges what is no table; wanted <<: *name of a table"),
        ("a: 1\n---\nb: 1", "f:2:1: begins a second document; wanted one document (remove the"),
        ("[1]", "f: holds a list; wanted a table"),
        ("word", "f: holds a single value; wanted a table"),
        ("x: *y", "f:1:4: repeats *y; wanted a value that came before (write &y before"),
        ("x: &y [*y]", "f:1:8: repeats *y inside itself; wanted a value that came before"),
        ("? [a]\n: b", "f:1:3: has a key that is no text"),
        ("x: !!python/object:os.system y", "f:1:4: is tagged tag:yaml.org,2002:python/object"),
        ("x: !!int word", "f:1:4: is tagged tag:yaml.org,2002:int"),
        ("x: !thing {a: b}", "f:1:4: is tagged !thing; wanted a value that needs no tag"),
        ("x: " + "[" * 200 + "]" * 200, "f:1:103: nests too deeply"),
        ("x: " + "[" * 100_000, "f:1:103: nests too deeply"),
        (LADDER, "f:99:12: nests too deeply"),
        (BOMB, "f:7:25: holds more than 1000000 values, written out"),
        (MERGE_BOMB, "f:12:24: holds more than 1000000 values, written out"),
        ("x: " + "9" * 5000, "f: holds a number of thousands of digits"),
        ("x: \x07", "f: does not parse: control characters are not allowed"),
        (b"x: \xff", "f:1: holds the byte 0xff where text cannot have it; wanted UTF-8"),
    ],
)
def test_what_is_refused_is_placed(content: str | bytes, sentence: str) -> None:
    assert refused(content).startswith(sentence)


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(PLAIN, JSON, max_size=4))
def test_json_is_yaml(tables: dict[str, Any]) -> None:
    assert parse(json.dumps(tables, ensure_ascii=False)) == tables


@given(
    st.binary(max_size=60)
    | st.text("ab:&*!<[]{}-?|>#%@'\"\\,~ \n\t01.x", max_size=60).map(str.encode)
)
def test_any_bytes_parse_or_are_refused(content: bytes) -> None:
    with suppress(ConfigErrors):
        assert isinstance(parse_yaml(content, "f"), dict)


def test_a_file_says_the_same_in_yaml_as_in_toml(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        """[supervisor]
strategy = "rest_for_one"
[apps.db]
command = ["sleep", "60"]
ready = { tcp = 5432, timeout = "30s" }
[apps.api]
command = "sleep 60"
restart = "on-failure"
depends_on = ["db"]
limits = { memory = "64M" }
"""
    )
    (tmp_path / "a.yaml").write_text(
        """supervisor: {strategy: rest_for_one}
apps:
  db:
    command: [sleep, "60"]
    ready: {tcp: 5432, timeout: 30s}
  api:
    command: sleep 60
    restart: on-failure
    depends_on: [db]
    limits: {memory: 64M}
"""
    )
    toml, yaml = load(tmp_path / "a.toml"), load(tmp_path / "a.yaml")
    assert (toml.format, yaml.format) == ("TOML", "YAML")
    assert toml.root == yaml.root


def test_a_mistake_names_its_key_as_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "supctl.yml"
    path.write_text("apps: {a: {comand: ls}}")
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{path}: apps.a has no command, actor or apps")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert refused("a: 1") == (
        "f: is YAML, for which a library is missing; wanted the extra supctl[yaml] "
        "(pip install 'supctl[yaml]', or write the same as supctl.toml)"
    )


def test_toml_loads_no_yaml_library(tmp_path: Path) -> None:
    (tmp_path / "supctl.toml").write_text('[apps.a]\ncommand = "ls"\n')
    program = "import sys, supctl.config as c; c.load(sys.argv[1]); print('yaml' in sys.modules)"
    words = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
