"""``Projects``: where apps belong, as far as the file system tells."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path


class Projects:
    """Looks at directories, at each once, however many apps and tools ask.

    Attributes:
        above: takes a directory; returns it, and those above it that are in the same repository,
            the nearest first.
    """

    def __init__(self) -> None:
        self.above = cache(_above)
        self._holds = cache(os.path.lexists)

    def hold(self, directory: Path, names: Iterable[str]) -> bool:
        """Return whether there is anything of these names in a directory or in those above it."""
        return any(self._holds(f"{it}/{name}") for it in self.above(directory) for name in names)


def _above(directory: Path) -> tuple[Path, ...]:
    known: list[Path] = []
    for place in (directory, *directory.parents):
        known.append(place)
        if (place / ".git").exists():
            return tuple(known)
    return (directory,)
