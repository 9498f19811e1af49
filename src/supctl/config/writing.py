"""Values -> tables by their schema: the way back of :mod:`.reading`.

Whatever is written has been read back: no key is written that would mean something else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from supctl.errors import InvalidConfig

from .reading import By, Each, Marker, Parse, Table, convert, hints, join, plain


def write_table(keys: type, values: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the table that a :class:`.Reader` reads as ``values``.

    Args:
        keys: the schema.
        place: of the table, for messages.

    Raises:
        InvalidConfig: the schema has no key for a value, or a key cannot hold it.
    """
    known, table = hints(keys), {}
    for key, value in values.items():
        if key not in known:
            wanted = "nothing else than the default, as files have no such key here"
            raise InvalidConfig(join(place, key), plain(value), wanted)
        table[key] = _written(*known[key], value, join(place, key))
    return table


def changed(value: Any, usual: Any) -> dict[str, Any]:
    """Return the fields of a spec that differ from those of the ``usual`` one."""
    pairs = ((it.name, getattr(value, it.name)) for it in fields(value))
    return {name: item for name, item in pairs if item != getattr(usual, name)}


def check_plain(value: object, place: str, levels: int) -> None:
    """Refuse what JSON and TOML cannot hold.

    ``None`` is let through for the sake of JSON, although TOML has nothing like it.

    Args:
        levels: how deep tables and lists may nest.

    Raises:
        InvalidConfig: naming the place.
    """
    match value:
        case str() if _is_text(value):
            return
        case None:
            return
        case int() if -(2**63) <= value < 2**63:  # truth values as well
            return
        case float() if math.isfinite(value):
            return
        case dict() if levels and all(isinstance(key, str) and _is_text(key) for key in value):
            for key, item in value.items():
                check_plain(item, join(place, key), levels - 1)
        case list() if levels:
            for number, item in enumerate(value):
                check_plain(item, f"{place}[{number}]", levels - 1)
        case dict() | list() if not levels:
            raise InvalidConfig(place, "nested too deeply", "fewer tables and lists in each other")
        case _:
            wanted = "what a file holds: text, numbers of 64 bits, true, false, lists, tables"
            raise InvalidConfig(place, value, wanted, "make it one of these")


def _is_text(value: str) -> bool:
    """Return whether it can be written: bytes that are no UTF-8 (surrogateescape) cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _written(hint: Any, marker: Marker | None, value: Any, place: str) -> object:
    match marker:
        case By(parse, write):
            return _proven(parse, write(value), value, place)
        case Each():
            return _each(marker, value, place)
        case Table(keys, whole):
            return write_table(keys, _said(value, whole), place)
    return _proven(partial(convert, hint), plain(value), value, place)


def _each(marker: Each, value: Mapping[str, Any], place: str) -> dict[str, object]:
    names = value if marker.names is None else marker.names()
    for name in value:
        if name not in names:
            raise InvalidConfig(join(place, name), value[name], "one of " + ", ".join(names))
    return {
        name: _proven(marker.parse, marker.write(item), item, join(place, name))
        for name, item in value.items()
    }


def _said(value: Any, whole: bool) -> dict[str, Any]:
    """Return those fields of a policy that have no default, or another value than that, or all."""
    pairs = ((it, getattr(value, it.name)) for it in fields(value))
    return {it.name: item for it, item in pairs if whole or item != it.default}


def _proven(parse: Parse, written: object, value: Any, place: str) -> object:
    """Return ``written`` if it is read as ``value``. Raises InvalidConfig."""
    read = parse(place, written)
    if read != value and plain(read) != plain(value):
        raise InvalidConfig(place, value, f"a value that a file can say; this is read as {read!r}")
    return written
