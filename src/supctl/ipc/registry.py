"""Types of the user's that may be sent, under the names they have on the wire.

Only a name travels, and only a name that was registered here becomes a type: nothing is ever
imported because a peer asked for it.
"""

from __future__ import annotations

import builtins
from collections import ChainMap
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from supctl import errors
from supctl.errors import InvalidConfig

from .extensions import DUMPS, ENUM, MARKS, RECORD, Form

T = TypeVar("T")

_NEVER_RAISED_AGAIN: Final = (StopIteration, StopAsyncIteration)
"""Python gives them a meaning of its own when they leave a coroutine."""


def type_name(kind: type) -> str:
    """Return the name of a type as people know it: with its module, unless that is builtins."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


class Registry:
    """Types and their names. Both ends of a connection need the same ones.

    Attributes:
        dumps: by exact type, what returns the form of a value.
        loads: by name, what rebuilds a record or an enum from what its form holds.
        errors: by name, the exceptions that arrive as their own type. Those of Python and of
            ``supctl.errors`` are known without being registered.
    """

    def __init__(self) -> None:
        self.dumps: MutableMapping[type, Callable[[Any], Form]] = dict(DUMPS)
        self.loads: MutableMapping[str, Callable[[Any], Any]] = {}
        self.errors: dict[str, type[Exception]] = {
            type_name(kind): kind for kind in _known_errors()
        }
        self.names: dict[type, str] = {kind: name for name, kind in self.errors.items()}

    def register(self, kind: type[T], name: str = "") -> type[T]:
        """Allow values of exactly this type to be sent and received; return the type.

        Args:
            kind: a dataclass, attrs class, msgspec Struct, named tuple, Enum or exception. A
                record is rebuilt by its constructor, so what that checks is checked again.
            name: what it is called on the wire; its module and name, unless given. To be given
                where they differ between two programs.

        Raises:
            InvalidConfig: it is of no such kind, or the name belongs to another type.
        """
        name = name or type_name(kind)
        known = self._named(name)
        if known is not None and type_name(known) != type_name(kind):
            raise InvalidConfig("name", name, f"a name that {type_name(known)} has not taken")
        if issubclass(kind, Exception):
            self.errors[name] = kind
        elif issubclass(kind, Enum):
            self.loads[name] = kind
            self.dumps[kind] = _dump_enum(name)
        else:
            self.loads[name] = _load_record(kind)
            self.dumps[kind] = _dump_record(name, _attributes(kind))
        self.names[kind] = name
        return kind

    def extended(
        self, dumps: dict[type, Callable[[Any], Form]], loads: dict[str, Callable[[Any], Any]]
    ) -> Registry:
        """Return one that knows these besides, and whatever is registered here later on."""
        other = Registry.__new__(Registry)
        other.dumps = ChainMap(dumps, self.dumps)
        other.loads = ChainMap(loads, self.loads)
        other.errors, other.names = self.errors, self.names
        return other

    def _named(self, name: str) -> type | None:
        return next((kind for kind, known in self.names.items() if known == name), None)


def _known_errors() -> Iterator[type[Exception]]:
    ours = (getattr(errors, name) for name in errors.__all__)
    for kind in (*vars(builtins).values(), *ours):
        if (
            isinstance(kind, type)
            and issubclass(kind, Exception)
            and not issubclass(kind, _NEVER_RAISED_AGAIN)
        ):
            yield kind


def _attributes(kind: type) -> list[tuple[str, str]]:
    """Return the attributes that rebuild a record, and what its constructor calls them."""
    if is_dataclass(kind):
        return [(item.name, item.name) for item in fields(kind) if item.init]
    if (attributes := getattr(kind, "__attrs_attrs__", None)) is not None:
        return [(item.name, item.alias) for item in attributes if item.init]
    names = getattr(kind, "__struct_fields__", None) or getattr(kind, "_fields", None)
    if not isinstance(names, tuple):
        raise InvalidConfig(
            "type", kind, "a dataclass, attrs class, msgspec Struct, named tuple, Enum or exception"
        )
    return [(name, name) for name in names]


def _dump_record(name: str, attributes: list[tuple[str, str]]) -> Callable[[Any], Form]:
    def dump(value: Any) -> Form:
        held = {known_as: getattr(value, attribute) for attribute, known_as in attributes}
        return [MARKS[RECORD], name, held]

    return dump


def _load_record(kind: type) -> Callable[[Any], Any]:
    def load(held: dict[str, Any]) -> Any:
        return kind(**held)

    return load


def _dump_enum(name: str) -> Callable[[Any], Form]:
    return lambda value: [MARKS[ENUM], name, value.value]


DEFAULT: Final = Registry()
"""What :func:`message` registers in, and what a codec uses unless told otherwise."""


def message(kind: type[T]) -> type[T]:
    """Decorate a type whose values are sent between processes: see :meth:`Registry.register`."""
    return DEFAULT.register(kind)
