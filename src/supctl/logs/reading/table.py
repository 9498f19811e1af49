"""The table of all outputs, beside the daemon's state: for who reads logs while no daemon runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

VERSION: Final = 1


def read_table(path: Path) -> list[dict[str, Any]]:
    """Return the rows of the table, as the daemon's method ``outputs`` tells them; none if there
    is no table, or one that we cannot understand: it is made anew when a daemon starts.

    Raises:
        OSError: it cannot be read.
    """
    try:
        held = json.loads(path.read_bytes())
        rows: list[dict[str, Any]] = held["outputs"] if held["version"] == VERSION else []
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return []
    return rows


def write_table(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put rows into the table. What is there is always whole, unless the machine loses power.

    Raises:
        OSError: it cannot be written; what was there still is.
    """
    held: dict[str, int | Sequence[Mapping[str, Any]]] = {"version": VERSION, "outputs": [*rows]}
    new = path.with_suffix(".new")
    with open(new, "w", opener=_private) as file:
        json.dump(held, file)
    new.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
