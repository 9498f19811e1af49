"""Placeholders: ``{instance}``, ``{index}`` and ``{port}`` in texts that all instances share.

They stand for the number of an instance, counted from 1 or from 0, and for its own port. No other
text in braces means anything; ``{{port}}`` writes ``{port}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

INSTANCE: Final = "{instance}"
INDEX: Final = "{index}"
PORT: Final = "{port}"

_ONE: Final = re.compile(r"(\{)?\{(instance|index|port)\}(?(1)\})")

Fill: TypeAlias = Callable[[str], str]


def filler(**known: object) -> Fill:
    """Return what fills texts in: ``filler(instance=2, index=1)``. They hold no others."""

    def meant(found: re.Match[str]) -> str:
        return found[0][1:-1] if found[1] else str(known[found[2]])

    return lambda text: _ONE.sub(meant, text) if "{" in text else text


def literal(text: str) -> str:
    """Return the text that is filled in as ``text``, whatever that holds."""
    return _ONE.sub(lambda found: f"{{{found[0]}}}", text) if "{" in text else text


def names_in(text: str) -> set[str]:
    """Return the names of the placeholders in a text; ``""`` is one that writes itself."""
    return {"" if it[1] else it[2] for it in _ONE.finditer(text)} if "{" in text else set()
