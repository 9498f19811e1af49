"""Tables -> YAML that every reader takes for the same; needs no library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z_/.][A-Za-z0-9_/.-]*(?: [A-Za-z0-9_/.-]+)*")
_WORDS: Final = frozenset(
    {"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan"}
)
"""Words that are no text, for a reader of YAML 1.1 at least."""


def yaml_text(tables: dict[str, Any]) -> str:
    """Return tables of text, numbers, truth values, lists and tables as YAML."""
    return "".join(f"{line}\n" for line in _lines(tables))


def _lines(value: dict[str, Any]) -> Iterator[str]:
    for key, item in value.items():
        yield from _entry(f"{_scalar(key)}:", item)


def _entry(head: str, item: Any) -> Iterator[str]:
    """Yield an element of a table or list; what it holds is indented below."""
    match item:
        case dict() if item:
            yield head
            yield from (f"  {line}" for line in _lines(item))
        case list() if item and all(isinstance(it, dict) and it for it in item):
            yield head
            for element in item:
                first, *rest = _lines(element)
                yield f"  - {first}"
                yield from (f"    {line}" for line in rest)
        case str() if "\n" in item and _is_block(item):
            yield f"{head} |{'' if item.endswith(chr(10)) else '-'}"
            yield from (f"  {line}".rstrip() for line in item.removesuffix("\n").split("\n"))
        case _:
            yield f"{head} {_flow(item)}"


def _is_block(text: str) -> bool:
    """Return whether text can stand as lines by themselves."""
    body = text.removesuffix("\n")
    return (
        all(line.isprintable() and line == line.rstrip() for line in body.split("\n"))
        and not body.startswith((" ", "\n"))
        and not body.endswith("\n")
        and bool(body)
    )


def _flow(item: Any) -> str:
    match item:
        case list():
            return f"[{', '.join(map(_flow, item))}]"
        case dict():
            return f"{{{', '.join(f'{_scalar(key)}: {_flow(it)}' for key, it in item.items())}}}"
    return _scalar(item)


def _scalar(value: str | int | float | bool) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if (
        _PLAIN.fullmatch(value)
        and value.lower() not in _WORDS
        and not value.startswith(("---", "..."))
    ):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(it if it.isprintable() else f"\\U{ord(it):08X}" for it in quoted)
