"""Bytes of a file -> tables, with line and column for what does not parse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import tomli

from .mistakes import ConfigErrors, Mistake
from .reading import join

YAML_SUFFIXES: Final = (".yaml", ".yml")

DEEPEST: Final = 100
"""Levels of nesting; what walks a tree of specs may then simply recurse."""

_POSITION: Final = re.compile(r" \(at line (\d+), column (\d+)\)$")
_DOTTED: Final = re.compile(r"\('.*'\)|\('.*',\)")  # a key as tomli shows it: ('apps', 'web')
_QUOTED: Final = re.compile(r"'([^']*)'")

_TOML_MENDS: Final = (
    ("Cannot declare", "give every table a name of its own"),
    ("Cannot overwrite", "set every key once"),
    ("Invalid value", 'put text in quotes: restart = "always"'),
    ("Expected '=' after a key", 'write key = value, with other keys than a-z 0-9 _ - in "quotes"'),
    ("Expected ']'", "close the [ of this line"),
    ("Expected newline", "one key a line; is a quote missing, or does a number begin with 0?"),
    ("Unescaped '\\'", "write \\\\ for a backslash, or the text in 'single quotes'"),
    ("Illegal character '\\n'", "close the quote on the same line"),
)
_JSON_MENDS: Final = (
    ("Expecting property name", 'write keys in "double quotes", and no comma after the last one'),
    ("Illegal trailing comma", "leave the last comma out"),
    ("Expecting ',' delimiter", "is a comma or a bracket missing just before?"),
    ("Expecting value", 'write text in "double quotes", and no comma after the last value'),
    ("Extra data", "one { } holds everything"),
    ("Unterminated string", "close the quote"),
)


def parse(content: bytes, file: str, *, as_json: bool) -> dict[str, Any]:
    """Return the tables that ``content`` holds; a byte order mark is passed over.

    Raises:
        ConfigErrors: it is no UTF-8, does not parse, or holds a list or a single value;
            in JSON also for every key that an object holds twice (the second would
            silently win).
    """
    text = decode(content, file)
    try:
        tables = _json(text, file) if as_json else tomli.loads(text)
        if _depth(tables) <= DEEPEST:
            return tables
    except tomli.TOMLDecodeError as error:
        raise _toml_mistake(error, text, file) from None
    except json.JSONDecodeError as error:
        raise _syntax(file, "JSON", error.msg, _JSON_MENDS, error.lineno, error.colno) from None
    except RecursionError:
        pass
    except UnicodeEncodeError as error:
        seen = f"holds half of a character, {error.object[error.start]!r}"
        raise ConfigErrors([Mistake("", seen, "whole characters", file=file)]) from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        seen = "holds a number of thousands of digits"
        raise ConfigErrors([Mistake("", seen, "smaller numbers", file=file)]) from None
    wanted = f"tables inside tables up to {DEEPEST} deep"
    raise ConfigErrors([Mistake("", "nests too deeply", wanted, file=file)])


def is_json(path: Path, content: bytes) -> bool:
    """Return whether a file is to be read as JSON: by its name, else by its first character."""
    if path.suffix in (".json", ".toml"):
        return path.suffix == ".json"
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def decode(content: bytes, file: str) -> str:
    """Return the text of a file, without a byte order mark.

    Raises:
        ConfigErrors: it is no UTF-8; names the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        seen = f"holds the byte 0x{content[error.start]:02x} where text cannot have it"
        mend = "save the file as UTF-8"
        raise ConfigErrors([Mistake("", seen, "UTF-8 text", mend, file, line)]) from None


def _toml_mistake(error: tomli.TOMLDecodeError, text: str, file: str) -> ConfigErrors:
    said = str(error)
    message = _DOTTED.sub(lambda key: ".".join(_QUOTED.findall(key[0])), said.partition(" (at ")[0])
    if position := _POSITION.search(said):
        line, column = map(int, position.groups())
        return _syntax(file, "TOML", message, _TOML_MENDS, line, column)
    last = text.rstrip().count("\n") + 1  # "at end of document"
    return _syntax(file, "TOML", message, (("", "the file ends before it is finished"),), last)


def _syntax(
    file: str,
    language: str,
    message: str,
    mends: tuple[tuple[str, str], ...],
    line: int,
    column: int | None = None,
) -> ConfigErrors:
    mend = next((mend for start, mend in mends if message.startswith(start)), "")
    seen = f"does not parse: {message[:1].lower()}{message[1:]}"
    return ConfigErrors([Mistake("", seen, language, mend, file, line, column)])


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys came more than once."""

    twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        made.twice = tuple(key for key in made if keys.count(key) > 1)
    return made


def _json(text: str, file: str) -> dict[str, Any]:
    tree = json.loads(text, object_pairs_hook=_object)
    json.dumps(tree, ensure_ascii=False).encode()  # "\ud800" is legal JSON and no text
    if not isinstance(tree, dict):
        kind = "a list" if isinstance(tree, list) else "a single value"
        wanted = 'a table such as {"apps": {"web": {"command": ["..."]}}}'
        raise ConfigErrors([Mistake("", f"holds {kind}", wanted, file=file)])
    mend = "the second one would silently win; remove or rename one"
    twice = [Mistake(p, "is there twice", "every key once", mend, file) for p in _twice(tree, "")]
    if twice:
        raise ConfigErrors(twice)
    return tree


def _depth(value: object) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, items), default=0)


def _twice(value: object, place: str) -> Iterator[str]:
    match value:
        case _Object():
            yield from (join(place, key) for key in value.twice)
            for key, item in value.items():
                yield from _twice(item, join(place, key))
        case list():
            for number, item in enumerate(value):
                yield from _twice(item, f"{place}[{number}]")
