"""Values of ``log`` tables: words, and limits that there may not be.

As in :mod:`.units`, every parser takes the field's name and the value as it was written,
and raises :class:`InvalidConfig` naming it.
"""

from __future__ import annotations

import datetime

from supctl.errors import InvalidConfig
from supctl.specs.log import Compress, Every, LogMode, LogTarget, WhenFull

from .units import parse_size
from .values import parse_word

_UNLIMITED = "unlimited"
_NEVER = "never"
_NO = "no"


def parse_log_mode(field: str, value: object) -> LogMode:
    """Return the way of writing of that name."""
    return parse_word(field, value, {str(word): word for word in LogMode})


def parse_log_target(field: str, value: object) -> LogTarget:
    """Return the place of that name."""
    return parse_word(field, value, {str(word): word for word in LogTarget})


def parse_when_full(field: str, value: object) -> WhenFull:
    """Return the policy of that name."""
    return parse_word(field, value, {str(word): word for word in WhenFull})


def parse_every(field: str, value: object) -> Every | None:
    """Return the interval of that name; ``None`` for ``"never"``."""
    return parse_word(field, value, {**{str(word): word for word in Every}, _NEVER: None})


def write_never(every: Every | None) -> str:
    """Return what :func:`parse_every` reads as ``every``."""
    return _NEVER if every is None else str(every)


def parse_compress(field: str, value: object) -> Compress | None:
    """Return the compression of that name; ``None`` for ``"no"``."""
    return parse_word(field, value, {**{str(word): word for word in Compress}, _NO: None})


def write_no(compress: Compress | None) -> str:
    """Return what :func:`parse_compress` reads as ``compress``."""
    return _NO if compress is None else str(compress)


def parse_time_of_day(field: str, value: object) -> str:
    """Return a time of day as ``"HH:MM"``, from such text or from a time of TOML."""
    if isinstance(value, datetime.time):
        value = value.isoformat()
    if isinstance(value, str):
        return value.removesuffix(":00") if value.count(":") == 2 else value
    raise InvalidConfig(field, value, 'a time of day such as "03:30"')


def parse_size_limit(field: str, value: object) -> int | None:
    """Return bytes as :func:`.units.parse_size`; ``None`` for ``"unlimited"``."""
    if value == _UNLIMITED:
        return None
    try:
        return parse_size(field, value)
    except InvalidConfig:
        raise InvalidConfig(field, value, 'a size such as "50M", or "unlimited"') from None


def parse_number_limit(field: str, value: object) -> int | None:
    """Return a whole number, not checked any further; ``None`` for ``"unlimited"``."""
    if value == _UNLIMITED:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InvalidConfig(field, value, 'a whole number, or "unlimited"')


def write_unlimited(limit: int | None) -> int | str:
    """Return what is read as ``limit``."""
    return _UNLIMITED if limit is None else limit
