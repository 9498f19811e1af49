"""bunctl's files: ``bunctl.json`` with its apps, and ``.bunctl.json`` with one entry point."""

from __future__ import annotations

from typing import Any

from supctl.config.formats import Source
from supctl.config.imports import Import
from supctl.config.loose import loose_json

from . import apps, entry


def claims(source: Source) -> bool:
    """Return whether a file is bunctl's: whatever is called so is."""
    return True


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with what the file describes, as far as it can be understood."""
    fill(loose_json(source), source, found)


def fill(tables: Any, source: Source, found: Import, within: str = "") -> None:
    """Fill ``found`` with what bunctl makes of a value.

    Args:
        within: where the value stands in the file.
    """
    is_entry = isinstance(tables, dict) and "apps" not in tables
    read_tables = entry.read_entry if is_entry else apps.read_apps
    read_tables(tables, source, found, within)
