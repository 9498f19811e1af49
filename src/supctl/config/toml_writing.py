"""Tables -> TOML as people write it: a header for every app, short tables in one line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from supctl.errors import InvalidConfig

from .reading import BARE, join

_WIDTH: Final = 100
"""Characters of a line; longer lists and tables get more of them."""

_ESCAPES: Final = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"} | {
    '"': '\\"',
    "\\": "\\\\",
}


def toml_text(
    tables: Mapping[str, Any], comments: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Return tables as TOML that reads back as the same.

    Args:
        tables: text, numbers, truth values, lists, and tables of such.
        comments: lines to stand above the header of a table, by its place; those at the top of
            the file by ``""``.

    Raises:
        InvalidConfig: there is a ``None``, or something that is no plain value; names its place.
    """
    blocks = _blocks(tables, (), comments or {})
    return "\n\n".join(block for block in blocks if block) + "\n"


def _blocks(
    table: Mapping[str, Any], path: tuple[str, ...], comments: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Yield a table and those below it, each with its header."""
    place = reduce(join, path, "")
    lines, below = [], {}
    for key, value in table.items():
        line = f"{quoted(key)} = {_value(value, join(place, key))}"
        if isinstance(value, dict) and (len(line) > _WIDTH or _has_header(path, key)):
            below[key] = value
        else:
            lines.append(line if len(line) <= _WIDTH else _broken(key, value, line))
    said = [f"# {_printable(line)}".rstrip() for line in comments.get(place, ())]
    header = [f"[{'.'.join(map(quoted, path))}]"] if path and (lines or said or not below) else []
    yield "\n".join([*said, *header, *lines])
    for key, value in below.items():
        yield from _blocks(value, (*path, key), comments)


def _has_header(path: tuple[str, ...], key: str) -> bool:
    """Return whether a table is one of those that hold all others."""
    return not path or key == "apps" or path[-1] == "apps"


def _broken(key: str, value: Any, line: str) -> str:
    """Return a key whose line is too long, with its list over several lines."""
    if not isinstance(value, list) or '"""' in line:
        return line
    items = "".join(f"    {_value(item, key)},\n" for item in value)
    return f"{quoted(key)} = [\n{items}]"


def _value(value: Any, place: str) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _text(value)
        case int():
            return str(value)
        case float():
            return _number(value)
        case list() | tuple():
            items = (_value(item, f"{place}[{n}]") for n, item in enumerate(value))
            return f"[{', '.join(items)}]"
        case dict():
            pairs = (f"{quoted(k)} = {_value(item, join(place, k))}" for k, item in value.items())
            inside = ", ".join(pairs)
            return f"{{ {inside} }}" if inside else "{}"
    wanted = "what TOML can hold: text, numbers, true, false, lists, tables"
    raise InvalidConfig(place, value, wanted, "leave it out")


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _text(text: str) -> str:
    """Return text in quotes: a script of several lines as it is, everything else in one line."""
    if "\n" in text.rstrip("\n") and text.isascii() and "\r" not in text:
        lines = (_escaped(line).replace('\\"', '"') for line in text.split("\n"))
        script = "\n".join(lines).replace('"""', '""\\"')
        script = f'{script[:-1]}\\"' if script.endswith('"') else script
        return f'"""\n{script}"""'
    return f'"{_escaped(text)}"'


def quoted(key: str) -> str:
    """Return a key, in quotes where TOML needs them."""
    return key if BARE.fullmatch(key) else f'"{_escaped(key)}"'


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(it) or (it if _is_allowed(it) else _coded(it)) for it in text)


def _is_allowed(character: str) -> bool:
    return character >= " " and character.isprintable()


def _coded(character: str) -> str:
    return f"\\U{ord(character):08X}"


def _printable(text: str) -> str:
    return "".join(it if it.isprintable() else " " for it in text)
