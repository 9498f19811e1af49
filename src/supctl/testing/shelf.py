"""What one test leaves on the shelf for its report: the story of every app it ran."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Storied(Protocol):
    """Something that ran for a test and can tell of it."""

    def story(self) -> dict[str, str]:
        """Return, by address, what is to be told of every app."""
        ...

    def end_if_abandoned(self) -> None:
        """Kill the apps if their loop has broken down under them."""
        ...


class Shelf:
    """What a test's fixtures know and its report may need.

    Args:
        new_directory: makes a directory for the output of one tree.

    Attributes:
        failures: errors of trees that nobody in the test has been told.
    """

    def __init__(self, new_directory: Callable[[], Path]) -> None:
        self._new_directory = new_directory
        self._directories: list[Path] = []
        self._trees: list[Storied] = []
        self._kept: list[tuple[str, str]] | None = None  # nothing is added any more
        self._notes: list[tuple[str, str]] = []
        self.failures: list[Exception] = []

    def make_directory(self) -> Path:
        """Make a directory; it is removed by :meth:`clear`."""
        directory = self._new_directory()
        self._directories.append(directory)
        return directory

    def add(self, tree: Storied) -> None:
        """Put a tree on the shelf."""
        self._trees.append(tree)

    def note(self, title: str, text: str) -> None:
        """Add a section of its own to the report."""
        self._notes.append((title, text))

    def take_sections(self) -> list[tuple[str, str]]:
        """Return the sections of the report, titles and texts; nothing when asked again."""
        sections = self._sections()
        self._notes.clear()
        self._kept = []
        return sections

    def _sections(self) -> list[tuple[str, str]]:
        if self._kept is not None:
            return self._kept
        stories = [story for tree in self._trees for story in tree.story().items()]
        return [(f"supctl: {address}", text) for address, text in stories] + self._notes

    def clear(self) -> None:
        """Remove the directories; what there is to tell is kept for a late failure.

        Raises:
            What the first tree died of, if nobody in the test has been told.
        """
        self._kept = self._sections()
        for tree in self._trees:
            tree.end_if_abandoned()
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)
        if self.failures:
            raise self.failures[0].with_traceback(None) from None
