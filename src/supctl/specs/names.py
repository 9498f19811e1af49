"""Names of children, the parts of addresses such as ``/web/api:2``."""

from __future__ import annotations

import re

from supctl.errors import InvalidConfig

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def check_name(name: str) -> str:
    """Return ``name`` if it can be part of an address and of a file name.

    Raises:
        InvalidConfig: for ``/`` and ``:`` (they structure addresses), blanks, a
            leading dot or dash, an empty or over-long name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidConfig(
            "name", name, "1 to 128 letters, digits, _ . - (not beginning with . or -)"
        )
    return name


def as_name(text: str) -> str:
    """Return ``text`` as a name: what cannot be in one becomes a dash. May return nothing."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip(".-")[:128]
