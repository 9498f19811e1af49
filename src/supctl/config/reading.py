"""Reading tables by their schema, value by value, so that every mistake is found.

A schema is a ``TypedDict`` whose annotations say how each key is read: plain types by
msgspec, the rest by the markers :class:`By`, :class:`Each` and :class:`Table`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from supctl.errors import InvalidConfig

from .mistakes import Mistake, closest, show

BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
"""A key that TOML needs no quotes for."""

T = TypeVar("T")
Parse = Callable[[str, object], Any]
"""Takes a place and a value; returns what it means or raises :class:`InvalidConfig`."""
Write = Callable[[Any], object]
"""The way back: takes what a value means; returns what a file may hold for it."""


def plain(value: Any) -> object:
    """Return a value as files hold it: words as text, tuples as lists, mappings as tables.

    What is inside it stays as it is.
    """
    match value:
        case Enum():
            return value.value
        case tuple():
            return list(value)
        case Mapping():
            return dict(value)
        case _:
            return value


@dataclass(frozen=True, slots=True)
class By:
    """The value is read by a parser, and written by its inverse."""

    parse: Parse
    write: Write = plain


@dataclass(frozen=True, slots=True)
class Each:
    """The value is a table of free names; each of its values is read by a parser.

    Args:
        names: returns the names that may be used; ``None`` for any.
        write: the inverse of the parser.
    """

    parse: Parse
    names: Callable[[], tuple[str, ...]] | None = None
    write: Write = plain


@dataclass(frozen=True, slots=True)
class Table:
    """The value is a table of these keys; the annotated type is made of them.

    Args:
        whole: all of them are written, as one that is left out may not mean the default.
    """

    keys: type
    whole: bool = False


Marker: TypeAlias = By | Each | Table


class Reader:
    """Reads the tables of one file and remembers its mistakes.

    Attributes:
        mistakes: all that were found so far, in order.
        notes: what is legal and probably not meant, one sentence each.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []
        self.notes: list[str] = []
        self._read: dict[tuple[Marker, str], Any] = {}  # many apps say the same

    def wrong(self, place: str, seen: str, wanted: str, mend: str = "") -> None:
        """Remember a mistake."""
        self.mistakes.append(Mistake(place, seen, wanted, mend, self.file))

    def refuse(self, error: InvalidConfig) -> None:
        """Remember what ``error`` says; its field is the place in the file."""
        self.mistakes.append(Mistake.of(error, self.file))

    def table(self, keys: type, value: object, place: str, what: str = "table") -> dict[str, Any]:
        """Return those values of a table that are right; the others are remembered as mistakes.

        Args:
            keys: the schema.
            what: what such a table describes, for messages about its keys.
        """
        if not isinstance(value, dict):
            self.wrong(place, f"is {show(value)}", "a table of keys and values")
            return {}
        known = hints(keys)
        good: dict[str, Any] = {}
        for key, item in value.items():
            if key not in known:
                self._unknown(key, known, place, what)
                continue
            try:
                good[key] = self._value(*known[key], item, join(place, key))
            except InvalidConfig as error:
                self.refuse(error)
            except _Refused:
                pass
        return good

    def build(
        self, make: Callable[..., T], values: Mapping[str, Any], place: str, children: str = ""
    ) -> T | None:
        """Return ``make(**values)``, or ``None`` if it refuses a value that was not given.

        ``children`` is the place of what a supervisor holds, for what is wrong between them.

        A spec names one wrong field at a time. So each that it refuses is remembered and
        left out of the next attempt: in the end all of them are known.
        """
        values = dict(values)
        while True:
            try:
                return make(**values)
            except InvalidConfig as error:
                field, _, rest = error.field.partition(".")
                if field == "children":
                    place = join_path(children, rest)
                    self.refuse(InvalidConfig(place, error.got, error.wanted, error.mend))
                    return None
                if field not in values:
                    seen = "is not said"
                    if error.got is not None:
                        seen = f"is {show(error.got)} where nothing else is said"
                    self.wrong(
                        join(place, error.field),
                        seen,
                        error.wanted,
                        error.mend or f"set {field} too",
                    )
                    return None
                self.refuse(error.within(place))
                del values[field]

    def _unknown(self, key: str, known: Mapping[str, Any], place: str, what: str) -> None:
        mend = closest(key, known)
        wanted = f"a key of this {what}" if mend else "one of " + ", ".join(known)
        self.wrong(join(place, key), "is unknown", wanted, mend)

    def _value(self, hint: Any, marker: Marker | None, value: object, place: str) -> Any:
        if isinstance(value, dict) and isinstance(marker, By | Table):
            known = marker, repr(value)
            if known not in self._read:
                self._read[known] = self._understood(hint, marker, value, place)
            return self._read[known]
        return self._understood(hint, marker, value, place)

    def _understood(self, hint: Any, marker: Marker | None, value: object, place: str) -> Any:
        match marker:
            case By(parse):
                return parse(place, value)
            case Each():
                return self._each(marker, value, place)
            case Table(keys):
                return self._nested(hint, keys, value, place)
        return convert(hint, place, value)

    def _each(self, marker: Each, value: object, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InvalidConfig(place, value, "a table of names and values")
        names = marker.names and marker.names()
        before, good = len(self.mistakes), {}
        for key, item in value.items():
            if names is not None and key not in names:
                self._unknown(key, dict.fromkeys(names), place, "table")
                continue
            try:
                good[key] = marker.parse(join(place, key), item)
            except InvalidConfig as error:
                self.refuse(error)
        if len(self.mistakes) > before:
            raise _Refused
        return good

    def _nested(self, make: Callable[..., T], keys: type, value: object, place: str) -> T:
        before = len(self.mistakes)
        values = self.table(keys, value, place)
        made = self.build(make, values, place)
        if made is None or len(self.mistakes) > before:
            raise _Refused
        return made


class _Refused(Exception):
    """A value cannot be used; why is remembered already."""


def join(place: str, key: str) -> str:
    """Return the place of ``key`` in the table at ``place``, quoted where TOML would quote it."""
    return f"{place}.{_quoted(key)}" if place else _quoted(key)


@lru_cache(maxsize=1024)
def _quoted(key: str) -> str:
    return key if BARE.fullmatch(key) else json.dumps(key, ensure_ascii=not key.isprintable())


def join_path(place: str, path: str) -> str:
    """Return the place of what lies at ``path``, dots between its parts, below ``place``."""
    for key in path.split("."):
        place = join(place, key) if key else place
    return place


@cache
def hints(keys: type) -> dict[str, tuple[Any, Marker | None]]:
    """Return how each key of a schema is read: as which type, and by which marker, if by one."""
    known = get_type_hints(keys, include_extras=True)
    return {key: _marked(hint) for key, hint in known.items()}


def _marked(hint: Any) -> tuple[Any, Marker | None]:
    for said in get_args(hint)[1:] if get_origin(hint) is Annotated else ():
        if isinstance(said, Marker):
            return get_args(hint)[0], said
    return hint, None


def convert(hint: Any, place: str, value: object) -> Any:
    """Return a value without a marker as the type that its schema says. Raises InvalidConfig."""
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError:
        raise InvalidConfig(place, value, _description(hint)) from None


def _description(hint: Any) -> str:
    """Return what is said about a plain type: the ``description`` of its ``msgspec.Meta``."""
    metas = (marker for marker in get_args(hint)[1:] if isinstance(marker, msgspec.Meta))
    return next((meta.description for meta in metas if meta.description), "something else")
