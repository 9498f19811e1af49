"""Events of a YAML parser -> tables, by the core schema of YAML 1.2, within limits."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import yaml

from .mistakes import ConfigErrors, Mistake
from .reading import join
from .syntax import DEEPEST

_MOST: Final = 1_000_000
"""Values in one file, counted as if every alias were written out: ten thousand apps fit."""

_MERGE: Final = "<<"

_TAG: Final = "tag:yaml.org,2002:"
_NUMBERS: Final = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"\+?\.(inf|Inf|INF)"), lambda _: math.inf),
    (re.compile(r"-\.(inf|Inf|INF)"), lambda _: -math.inf),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda _: math.nan),
)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "str": (str,),
}
"""What a value may be that carries such a tag."""


class _Node(NamedTuple):
    """A value, and what an alias for it costs."""

    value: Any
    size: int
    depth: int


class Builder:
    """Makes values of the events of a parser.

    Args:
        file: for mistakes.
    """

    def __init__(self, file: str, events: Iterator[yaml.Event]) -> None:
        self._file, self._events = file, events
        self._anchors: dict[str, _Node | None] = {}  # None: it is not finished
        self._size = 0

    def document(self) -> Any:
        """Return the value of the only document; an empty table if there is none.

        Raises:
            ConfigErrors: it is not what :func:`.parse_yaml` wants.
            YAMLError: it does not parse.
        """
        value: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._wrong(
                        event, "begins a second document", "one document", "remove the ---"
                    )
                value = self._node(next(self._events), "", 1).value
        return {} if value is None else value

    def _node(self, event: yaml.Event, place: str, level: int) -> _Node:
        if level > DEEPEST:
            raise self._too_deep(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, level)
        self._count(1, event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        before = self._size
        if isinstance(event, yaml.ScalarEvent):
            value, depth = self._scalar(event), 1
        elif isinstance(event, yaml.SequenceStartEvent):
            value, depth = self._list(event, place, level)
        else:
            value, depth = self._table(event, place, level)
        node = _Node(value, self._size - before + 1, depth)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, level: int) -> _Node:
        name = event.anchor or ""
        node = self._anchors.get(name)
        if node is None:
            inside = name in self._anchors
            seen = f"repeats *{name} inside itself" if inside else f"repeats *{name}"
            mend = "" if inside else f"write &{name} before the value that it repeats"
            raise self._wrong(event, seen, "a value that came before", mend)
        if level + node.depth - 1 > DEEPEST:
            raise self._too_deep(event)
        self._count(node.size, event)
        return node

    def _list(self, start: Any, place: str, level: int) -> tuple[list[Any], int]:
        self._check_tag(start, "seq")
        items: list[Any] = []
        depth = 0
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            node = self._node(event, f"{place}[{len(items)}]", level + 1)
            items.append(node.value)
            depth = max(depth, node.depth)
        return items, depth + 1

    def _table(self, start: Any, place: str, level: int) -> tuple[dict[str, Any], int]:
        self._check_tag(start, "map")
        own: dict[str, Any] = {}
        merged: dict[str, Any] | None = None
        depth = 0
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                raise self._wrong(event, "has a key that is no text", "a name before every colon")
            key = self._text(event)
            merges = key == _MERGE and event.implicit[0]
            if event.anchor is not None:
                self._anchors[event.anchor] = _Node(key, 1, 1)
            if key in own or (merges and merged is not None):
                mend = "the second one would silently win; remove or rename one"
                raise self._wrong(event, "is there twice", "every key once", mend, join(place, key))
            node = self._node(next(self._events), join(place, key), level + 1)
            depth = max(depth, node.depth)
            if merges:
                merged = self._merged(event, node.value)
            else:
                own[key] = node.value
        return {**(merged or {}), **own}, depth + 1

    def _merged(self, event: yaml.Event, value: object) -> dict[str, Any]:
        """Return what ``<<`` adds: a table, or several, the first of which win."""
        tables = value if isinstance(value, list) else [value]
        found: dict[str, Any] = {}
        for table in tables:
            if not isinstance(table, dict):
                raise self._wrong(event, "merges what is no table", "<<: *name of a table")
            self._count(len(table), event)
            found = {**table, **found}
        return found

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        text = self._text(event)
        plain = event.implicit[0]
        if event.tag == "!" or (event.tag is None and not plain):
            return text
        value: object = text if event.tag == f"{_TAG}str" else _resolved(text)
        if event.tag is None:
            return value
        kinds = _KINDS.get(event.tag.removeprefix(_TAG))
        if kinds is None or not isinstance(value, kinds):
            raise self._wrong(event, f"is tagged {event.tag}", "a value that needs no tag")
        return float(value) if kinds[0] is float and isinstance(value, int) else value

    def _text(self, event: yaml.ScalarEvent) -> str:
        text: str = event.value
        try:
            text.encode()
        except UnicodeEncodeError as error:
            seen = f"holds half of a character, {error.object[error.start]!r}"
            raise self._wrong(event, seen, "whole characters") from None
        return text

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", f"{_TAG}{kind}"):
            raise self._wrong(event, f"is tagged {event.tag}", "a value that needs no tag")

    def _count(self, number: int, event: yaml.Event) -> None:
        self._size += number
        if self._size > _MOST:
            seen = f"holds more than {_MOST} values, written out"
            raise self._wrong(event, seen, "a file that somebody wrote", "repeat less by *aliases")

    def _too_deep(self, event: yaml.Event) -> ConfigErrors:
        wanted = f"tables inside tables up to {DEEPEST} deep"
        return self._wrong(event, "nests too deeply", wanted)

    def _wrong(
        self, event: yaml.Event, seen: str, wanted: str, mend: str = "", place: str = ""
    ) -> ConfigErrors:
        at = position(event.start_mark)
        return ConfigErrors([Mistake(place, seen, wanted, mend, self._file, *at)])


def _resolved(text: str) -> object:
    """Return what a plain word means in the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    return next((make(text) for form, make in _NUMBERS if form.fullmatch(text)), text)


def position(mark: Any) -> tuple[int | None, int | None]:
    """Return line and column, counted from 1."""
    return (mark.line + 1, mark.column + 1) if mark else (None, None)
