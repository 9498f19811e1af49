"""Values of ``watch``: which files a program is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from supctl.errors import InvalidConfig
from supctl.specs import Sources

from .mistakes import closest
from .units import parse_duration

_WANTED: Final = 'true, a list of paths such as ["src"], or a table such as {paths = ["src"]}'


def parse_watch(field: str, value: object) -> Sources | None:
    """Return what ``true``, ``["src"]`` or ``{ paths = ["src"], ignore = ["*.log"] }`` mean."""
    match value:
        case bool():
            return Sources() if value else None
        case list():
            return _made(field, {"paths": parse_paths(field, value)})
        case dict():
            return _made(f"{field}.", {key: _value(field, key, it) for key, it in value.items()})
    raise InvalidConfig(field, value, _WANTED)


def write_watch(sources: Sources | None) -> bool | dict[str, Any]:
    """Return what :func:`parse_watch` reads as ``sources``."""
    if sources is None:
        return False
    usual = Sources()
    said = {key: getattr(sources, key) for key in _KEYS}
    said = {key: it for key, it in said.items() if it != getattr(usual, key)}
    return {key: [*it] if isinstance(it, tuple) else it for key, it in said.items()} or True


def _value(field: str, key: str, value: object) -> Any:
    place = f"{field}.{key}"
    if key not in _KEYS:
        raise InvalidConfig(place, value, f"one of {', '.join(_KEYS)}", closest(key, _KEYS))
    return _KEYS[key](place, value)


def _made(place: str, values: Mapping[str, Any]) -> Sources:
    try:
        return Sources(**values)
    except InvalidConfig as error:
        field = place + error.field if place.endswith(".") else place
        raise InvalidConfig(field, error.got, error.wanted) from None


def parse_paths(field: str, value: object) -> list[str]:
    """Return texts, from a list of them or from one."""
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and all(isinstance(it, str) and it for it in texts):
        return texts
    raise InvalidConfig(field, value, 'a list of texts, such as ["src"]')


def _flag(field: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidConfig(field, value, "true or false")


_KEYS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "paths": parse_paths,
    "ignore": parse_paths,
    "gitignore": _flag,
    "debounce": parse_duration,
}
"""How each key of the table is read."""
