"""What readers of other tools' files write where the number or the port of an instance is meant.

Braces mean nothing in such files: ``{port}`` there is text. So a reader writes a mark, which is no
character that a text may have, and when all is read marks become placeholders, and what looks like
one is written so that it stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from supctl.specs.instances import FILLED
from supctl.specs.placeholders import INDEX, INSTANCE, PORT, literal

INDEX_MARK: Final = "\ufdd0"
INSTANCE_MARK: Final = "\ufdd1"
PORT_MARK: Final = "\ufdd2"

_MEANT: Final = str.maketrans({INDEX_MARK: INDEX, INSTANCE_MARK: INSTANCE, PORT_MARK: PORT})

_AS_IT_IS: Final = ("output", "body")
"""Keys of texts in which placeholders mean nothing in our format either."""


def says_all(app: dict[str, Any], mark: str, apps: dict[int, dict[str, Any]]) -> bool:
    """Return whether an app with marks is each of ``apps``, with its number where the mark is."""
    return all(
        app.keys() == other.keys()
        and all(
            (_numbered(value, mark, number) if key in FILLED else value) == other[key]
            for key, value in app.items()
        )
        for number, other in apps.items()
    )


def _numbered(value: Any, mark: str, number: int) -> Any:
    return each_text(value, lambda text: text.replace(mark, str(number)))


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a part of a document with every text in it changed, but for keys."""
    match value:
        case str():
            return change(value)
        case list():
            return [each_text(it, change) for it in value]
        case dict():
            return {key: each_text(it, change) for key, it in value.items()}
    return value


def with_placeholders(value: Any) -> Any:
    """Return a document, or a part of one, with placeholders where there are marks."""
    match value:
        case str():
            return literal(value).translate(_MEANT)
        case list():
            return [with_placeholders(it) for it in value]
        case dict():
            return {
                key: it if key in _AS_IT_IS else with_placeholders(it) for key, it in value.items()
            }
    return value
