"""``%(here)s`` and its like in supervisord's values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from supctl.config.mistakes import closest
from supctl.errors import InvalidConfig

_EXPANSION: Final = re.compile(r"%(?:(%)|\((\w+)\)(0?[0-9]{0,2})([sd])|(.?.?.?.?))", re.DOTALL)


class Digit(str):
    """Stands for a number of one digit, a different one for each process."""


Names = Mapping[str, str | int | Digit]
"""What a value may name; numbers may be written with leading zeros, ``%(process_num)02d``."""


def expand(place: str, text: str, names: Names) -> str:
    """Return a value with what it names put in.

    Raises:
        InvalidConfig: it names what there is not, or holds a single ``%``.
    """
    if "%" not in text:
        return text
    return _EXPANSION.sub(lambda found: _expanded(place, found, names), text)


def _expanded(place: str, found: re.Match[str], names: Names) -> str:
    percent, name, width, kind, _ = found.groups()
    if percent:
        return "%"
    if name is None:
        wanted = "%% for a percent sign, or a name such as %(here)s"
        raise InvalidConfig(place, found[0], wanted)
    if name not in names:
        raise InvalidConfig(place, found[0], *_mend(name, names))
    value = names[name]
    if isinstance(value, Digit):
        return value.rjust(int(width or 0), "0" if width.startswith("0") else " ")
    if kind == "d" and not isinstance(value, int):
        raise InvalidConfig(place, found[0], f"%({name})s, as it is no number")
    return f"%{width}{kind}" % value


def _mend(name: str, names: Names) -> tuple[str, str]:
    variable = name.removeprefix("ENV_")
    if variable != name:
        return "a variable that is set", closest(name, names) or f"set {variable}"
    known = [key for key in names if not key.startswith("ENV_")]
    return "one of " + ", ".join([*known, "ENV_NAME"]), closest(name, known)
