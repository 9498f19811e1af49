"""Source files for which a process is restarted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .table import Table


def watch_of(table: Table) -> dict[str, Any]:
    """Return ``watch`` of a process; empty if it says nothing that can be said here."""
    said = table.values.get("watch")
    given = said.get("paths") if isinstance(said, dict) else None
    entries = [it if isinstance(it, dict) else {"path": it} for it in _listed(given)]
    paths = [it["path"] for it in entries if isinstance(it.get("path"), str) and it["path"]]
    if not paths or not isinstance(said, dict):
        table.leave_out({"watch": "it names no paths"})
        return {}
    detail = "include and exclude are patterns as in .gitignore, for all of its paths"
    table.take("watch", "watch", detail + ", and cascade is left out" * bool(said.get("cascade")))
    ignore = [*_all_but(entries), *(it for entry in entries for it in _texts(entry, "exclude"))]
    told: dict[str, Any] = {"paths": paths, "gitignore": False}
    if ignore:
        told["ignore"] = ignore
    if said.get("debounce"):
        told["debounce"] = said["debounce"]
    return {"watch": told}


def _all_but(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield patterns for all that is not included, if every path says what is."""
    included = [_texts(it, "include") for it in entries]
    if all(included):
        yield from ("*", "!*/")
        yield from (f"!{pattern}" for patterns in included for pattern in patterns)


def _texts(entry: dict[str, Any], key: str) -> list[str]:
    return [it for it in _listed(entry.get(key)) if isinstance(it, str) and it]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
