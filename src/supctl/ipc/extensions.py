"""Values that msgpack has no form for, and the forms that we give them.

A *scalar* is one extension object: a code and bytes. A *composite* is a msgpack array whose
first element is a mark, an extension object without bytes, and whose other elements are values
themselves; so msgpack's own code walks through them, however deep, and nothing is packed twice.
"""

from __future__ import annotations

import os
import re
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from msgpack import ExtType

# Scalars. The numbers are the protocol's: they never change their meaning.
BIG_INTEGER: Final = 1
DECIMAL: Final = 2
DATETIME: Final = 3
DATE: Final = 4
TIME: Final = 5
TIMEDELTA: Final = 6
UUID_: Final = 7
PATH: Final = 8

# Marks of composites.
TUPLE: Final = 32
SET: Final = 33
FROZENSET: Final = 34
RECORD: Final = 35
ENUM: Final = 36
ERROR: Final = 37
OPAQUE: Final = 38
ARRAY: Final = 39
LOAN: Final = 40

Form: TypeAlias = ExtType | list[Any]
"""What msgpack packs instead of a value."""

MARKS: Final = {code: ExtType(code, b"") for code in range(TUPLE, LOAN + 1)}

_ZONED: Final = re.compile(r"(.*)\[(.+)\]", re.DOTALL)
_TIMEDELTA: Final = struct.Struct(">iii")


class Opaque:
    """Stands for a value that could not be sent, where something had to arrive.

    Only errors hold such: a report of what went wrong must get through. Its ``repr`` is that
    of the value.
    """

    __slots__ = ("text", "type_name")

    def __init__(self, type_name: str, text: str) -> None:
        self.type_name, self.text = type_name, text

    def __repr__(self) -> str:
        return self.text


class Lent:
    """Stands for an argument that is lent, in the message that tells of it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def _dump_integer(value: int) -> Form:
    length = value.bit_length() // 8 + 1  # one bit more than its magnitude has, for the sign
    return ExtType(BIG_INTEGER, value.to_bytes(length, "big", signed=True))


def _dump_moment(code: int) -> Callable[[Any], Form]:
    """Return what writes a moment as RFC 9557 does: ISO 8601, the zone's name in brackets."""

    def dump(value: datetime | time) -> Form:
        zone = value.tzinfo
        key = f"[{zone.key}]" if isinstance(zone, ZoneInfo) and zone.key else ""
        return ExtType(code, (value.isoformat() + key).encode())

    return dump


def _load_datetime(data: bytes) -> datetime:
    text = data.decode()
    zoned = _ZONED.fullmatch(text)
    if zoned is None:
        return datetime.fromisoformat(text)
    moment = datetime.fromisoformat(zoned[1])
    zone = _zone(zoned[2])
    if zone is None:
        return moment
    local = moment.replace(tzinfo=zone)
    # The offset says which of the two hours is meant when clocks are put back.
    return local if local.utcoffset() == moment.utcoffset() else local.replace(fold=1)


def _load_time(data: bytes) -> time:
    text = data.decode()
    zoned = _ZONED.fullmatch(text)
    if zoned is None:
        return time.fromisoformat(text)
    return time.fromisoformat(zoned[1]).replace(tzinfo=_zone(zoned[2]))


def _zone(key: str) -> ZoneInfo | None:
    """Return the zone of that name; none if this system does not know it."""
    with suppress(KeyError, ValueError, OSError):
        return ZoneInfo(key)
    return None


def _dump_timedelta(value: timedelta) -> Form:
    return ExtType(TIMEDELTA, _TIMEDELTA.pack(value.days, value.seconds, value.microseconds))


def _dump_path(value: Path) -> Form:
    return ExtType(PATH, os.fsencode(value))


def is_array(value: object) -> bool:
    """Return whether ``value`` is a numpy array or scalar. Never imports numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray | numpy.generic)


def dump_array(value: Any) -> Form:
    """Return the form of a numpy array or scalar: dtype, shape, order, buffer.

    The buffer is the array's own, not a copy, unless the array is a view with gaps.

    Raises:
        TypeError: it holds Python objects.
    """
    numpy = sys.modules["numpy"]
    if value.dtype.hasobject:
        raise TypeError("an array of Python objects; send a list")
    dtype = value.dtype.descr if value.dtype.names else value.dtype.str
    shape = list(value.shape) if isinstance(value, numpy.ndarray) else None
    array = numpy.asarray(value)
    by_columns = array.flags.f_contiguous and not array.flags.c_contiguous
    flat = numpy.ascontiguousarray(array.T if by_columns else array).reshape(-1)
    order = "F" if by_columns else "C"
    return [MARKS[ARRAY], _as_lists(dtype), shape, order, memoryview(flat.view("u1"))]


def _load_array(dtype: Any, shape: list[int] | None, order: str, data: bytes) -> Any:
    """Rebuild a numpy array as a view of ``data``: read-only, as there is no second copy."""
    import numpy  # whoever is sent an array has it, or is told that it is missing

    kind = numpy.dtype(dtype if isinstance(dtype, str) else _as_tuples(dtype))
    if kind.hasobject:
        raise ValueError("an array of Python objects")
    array = numpy.frombuffer(data, kind)
    return array[0] if shape is None else array.reshape(shape, order=_order(order))


def _order(order: str) -> Any:
    if order not in ("C", "F"):
        raise ValueError(f"an array in order {order!r}")
    return order


def _as_lists(descr: Any) -> Any:
    """Return a dtype's description without tuples, which would be composites themselves."""
    return [_as_lists(item) for item in descr] if isinstance(descr, list | tuple) else descr


def _as_tuples(descr: Any) -> Any:
    """Return fields as numpy wants them: ``[(name, dtype), (name, dtype, shape), ...]``."""
    return [
        (name, kind if isinstance(kind, str) else _as_tuples(kind), *map(tuple, shape))
        for name, kind, *shape in descr
    ]


DUMPS: Final[dict[type, Callable[[Any], Form]]] = {
    tuple: lambda value: [MARKS[TUPLE], *value],
    set: lambda value: [MARKS[SET], *value],
    frozenset: lambda value: [MARKS[FROZENSET], *value],
    int: _dump_integer,  # only those that do not fit into 64 bits come here
    Decimal: lambda value: ExtType(DECIMAL, str(value).encode()),
    datetime: _dump_moment(DATETIME),
    date: lambda value: ExtType(DATE, value.isoformat().encode()),
    time: _dump_moment(TIME),
    timedelta: _dump_timedelta,
    UUID: lambda value: ExtType(UUID_, value.bytes),
    type(Path()): _dump_path,
    Opaque: lambda value: [MARKS[OPAQUE], value.type_name, value.text],
    Lent: lambda value: [MARKS[LOAN], value.number],
}
"""By exact type, how a value is written. Called for what msgpack cannot write by itself."""

SCALARS: Final[dict[int, Callable[[bytes], Any]]] = {
    BIG_INTEGER: lambda data: int.from_bytes(data, "big", signed=True),
    DECIMAL: lambda data: Decimal(data.decode()),
    DATETIME: _load_datetime,
    DATE: lambda data: date.fromisoformat(data.decode()),
    TIME: _load_time,
    TIMEDELTA: lambda data: timedelta(*_TIMEDELTA.unpack(data)),
    UUID_: lambda data: UUID(bytes=data),
    PATH: lambda data: Path(os.fsdecode(data)),
}

COMPOSITES: Final[dict[int, Callable[..., Any]]] = {
    TUPLE: lambda *items: items,
    SET: lambda *items: set(items),
    FROZENSET: lambda *items: frozenset(items),
    OPAQUE: Opaque,
    ARRAY: _load_array,
}
"""By mark, how a composite is rebuilt from its elements; those of the codec itself are not here."""
