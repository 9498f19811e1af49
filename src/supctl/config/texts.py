"""Tables of formats that know text only: their values, and what becomes of their keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from supctl.errors import InvalidConfig

from .imports import Import
from .mistakes import closest
from .reading import Reader

T = TypeVar("T")
D = TypeVar("D")

_FLAGS: Final = {
    **dict.fromkeys(("yes", "true", "on", "1"), True),
    **dict.fromkeys(("no", "false", "off", "0"), False),
}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")


def parse_flag(field: str, value: str) -> bool:
    """Return what ``yes``, ``no`` and their like mean, in any case. Raises InvalidConfig."""
    if value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    raise InvalidConfig(field, value, "true or false")


def parse_whole(field: str, value: str, least: int = 0) -> int:
    """Return a whole number, ``least`` or more. Raises InvalidConfig."""
    if _WHOLE.fullmatch(value) and int(value) >= least:
        return int(value)
    raise InvalidConfig(field, value, f"a whole number, {least} or more")


@dataclass(frozen=True, slots=True)
class Texts:
    """One table of texts; mistakes in them go to ``reader``.

    Args:
        values: by key.
        places: of the keys, for messages.
    """

    values: Mapping[str, str]
    places: Mapping[str, str]
    reader: Reader

    def get(self, key: str, parse: Callable[[str, str], T], default: D) -> T | D:
        """Return what the value of a key means; the default if there is none, or it is wrong."""
        if key not in self.values:
            return default
        try:
            return parse(self.places[key], self.values[key])
        except InvalidConfig as error:
            self.reader.refuse(error)
            return default

    def flag(self, key: str, default: bool) -> bool:
        """Return whether a key is true."""
        return self.get(key, parse_flag, default)

    def whole(self, key: str, default: int, least: int = 0) -> int:
        """Return the whole number of a key, ``least`` or more."""
        return self.get(key, lambda place, text: parse_whole(place, text, least), default)


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of the keys that a kind of table may have.

    Args:
        tool: whose keys they are.
        mapped: keys that mean the same here, each with the key of ours that says so.
        changed: keys that mean something else here, each with that key and the difference.
        left_out: keys that mean nothing here, each with the reason.
    """

    tool: str
    mapped: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def remark(self, found: Import, key: str, place: str, became: str) -> None:
        """Remark on a key at ``place`` of a table that became the one at ``became``.

        One that the tool does not have either is a slip, and noted as well.
        """
        if key in self.mapped:
            found.map(place, f"{became}.{self.mapped[key]}")
        elif key in self.changed:
            native, detail = self.changed[key]
            found.change(place, f"{became}.{native}", detail)
        elif key in self.left_out:
            found.leave_out(place, self.left_out[key])
        else:
            mend = closest(key, [*self.mapped, *self.changed, *self.left_out])
            detail = f"{self.tool} has no such key" + (f" ({mend})" if mend else "")
            found.leave_out(place, detail)
            found.reader.notes.append(f"{place} is left out: {detail}")
