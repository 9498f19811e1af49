"""JSON as people write it by hand: with comments, trailing commas, unquoted keys."""

from __future__ import annotations

from typing import Any

from .mistakes import ConfigErrors, Mistake
from .source import Source
from .syntax import decode


def loose_json(source: Source, *, exported: bool = False) -> Any:
    """Return the value that a file holds; a byte order mark is passed over.

    Args:
        exported: whether ``module.exports =`` may stand before it.

    Raises:
        ConfigErrors: it is no UTF-8, or does not parse.
    """
    from .javascript import NotLiteral, literal

    file = str(source.path)
    try:
        return literal(decode(source.content, file), exported=exported)
    except NotLiteral as refused:
        seen, at = f"does not parse: {refused.message}", (refused.line, refused.column)
        raise ConfigErrors([Mistake("", seen, "JSON", "", file, *at)]) from None
