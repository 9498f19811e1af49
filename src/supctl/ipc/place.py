"""Where in a message the value is that cannot be sent.

A second, slow walk over the values, made only when packing has failed: what packs need not
remember where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from msgpack import ExtType, packb

from supctl.errors import CannotEncode

from .extensions import ENUM, RECORD, TUPLE, Form
from .registry import type_name

DEEPEST: Final = 500
"""Levels of nesting that can be sent; msgpack's own limits are a little above."""

_PLAIN: Final = (type(None), bool, float, str, bytes, bytearray, memoryview)

Placed = tuple[str, Any]


def find_unsendable(parts: Iterator[Placed], dump: Callable[[Any], Form]) -> CannotEncode | None:
    """Return what is wrong with the first value that cannot be sent; None if all can.

    Args:
        parts: where to look: values and what their places are called.
        dump: what returns the form of a value that msgpack has none for.
    """
    walks: list[Iterator[Placed]] = [parts]
    above: list[Any] = []  # the values whose parts those are; the first walk is of none
    while walks:
        placed = next(walks[-1], None)
        if placed is None:
            walks.pop()
            if above:
                above.pop()
            continue
        place, value = placed
        try:
            inner = _parts(place, value, dump)
        except Exception as error:
            return CannotEncode(place, type_name(type(value)), _reason(error))
        if inner is None:
            continue
        if any(value is other for other in above):
            return CannotEncode(place, type_name(type(value)), "it contains itself")
        if len(walks) > DEEPEST:
            deep = f"it is nested more than {DEEPEST} levels deep"
            return CannotEncode(_shortened(place), type_name(type(value)), deep)
        walks.append(inner)
        above.append(value)
    return None


def _parts(place: str, value: Any, dump: Callable[[Any], Form]) -> Iterator[Placed] | None:
    """Return the parts of a value, None if it has none. Raises if it cannot be sent itself."""
    kind = type(value)
    if kind is list:
        return _items(place, value)
    if kind is dict:
        return _entries(place, value)
    if kind in _PLAIN:
        packb(value)
        return None
    if kind is int and -(2**63) <= value < 2**64:
        return None
    form = dump(value)
    if isinstance(form, ExtType):
        return None
    return _elements(place, form)


def _elements(place: str, form: list[Any]) -> Iterator[Placed]:
    match form[0].code:
        case code if code == RECORD:
            return ((f"{place}.{name}", value) for name, value in form[2].items())
        case code if code == TUPLE:
            return _items(place, form[1:])
        case code if code == ENUM:
            return iter([(f"{place}.value", form[2])])
    return ((f"an element of {place}", value) for value in form[1:])


def _items(place: str, values: list[Any]) -> Iterator[Placed]:
    return ((f"{place}[{index}]", value) for index, value in enumerate(values))


def _entries(place: str, values: dict[Any, Any]) -> Iterator[Placed]:
    for key, value in values.items():
        shown = f'"{key}"' if type(key) is str else _shortened(repr(key))
        yield f"the key {shown} of {place}", key
        yield f"{place}[{shown}]", value


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "it holds a lone surrogate, which UTF-8 has no form for; send bytes"
    return str(error)


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:60]}...{text[-30:]}"
