"""Files and directory trees, and how they look at one moment."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from .ignored import Rules

Stamp: TypeAlias = tuple[int, int, int]
"""Time of the last write, size and number of a file: another after every change of it."""

_MOST_LINKS: Final = 40
"""On the way to a file; the kernel follows no more."""


class Area:
    """Files and directory trees, of which some may not be there now.

    Args:
        roots: absolute paths of files, and of directories with all below them.
        rules_for: returns what is ignored in a directory among ``roots``, which comes without
            links on the way; ``None`` if all are files.

    Attributes:
        missing: those of ``roots`` that were not there at the last look.
        touched: when each file was last changed in any way, seconds since 1970, at the last look.
    """

    def __init__(
        self, roots: Iterable[str], rules_for: Callable[[str], Rules] | None = None
    ) -> None:
        self.roots = tuple(roots)
        self.missing: tuple[str, ...] = ()
        self.touched: dict[str, float] = {}
        self._rules_for = rules_for
        self._rules: dict[str, Rules] = {}  # of each directory whose entries matter
        self._names: dict[str, set[str]] = {}  # of others, those entries that matter
        self._judged: dict[str, tuple[Rules, dict[str, bool]]] = {}  # of each directory, by entry

    def look(self, heed: Callable[[str], None]) -> dict[str, Stamp]:
        """Return how each file looks now. For a worker thread: may take as long as the disk.

        Args:
            heed: called with each directory in which something may change, before it is read.
        """
        self._rules, self._names, self.touched = {}, {}, {}
        missing, found = [], dict[str, Stamp]()
        for root in self.roots:
            for directory, name in way_to(root):
                self._names.setdefault(directory, set()).add(name)
                heed(directory)
            try:
                about = os.stat(root)
            except OSError:
                missing.append(root)
                continue
            if self._rules_for is not None and stat.S_ISDIR(about.st_mode):
                real = os.path.realpath(root)
                self._walk(real, self._rules_for(real), heed, found)
            else:
                self._note(root, about, found)
        self.missing = tuple(missing)
        return found

    def concerns(self, directory: str, name: str) -> bool:
        """Return whether an entry of a directory is one that matters, as of the last look."""
        if name in self._names.get(directory, ()):
            return True
        rules, path = self._rules.get(directory), f"{directory}/{name}"
        return rules is not None and not rules.ignores(path, is_directory=False)

    def _walk(
        self, root: str, rules: Rules, heed: Callable[[str], None], found: dict[str, Stamp]
    ) -> None:
        waiting = [(root, rules)]
        while waiting:
            directory, rules = waiting.pop()
            heed(directory)
            rules = self._rules[directory] = rules.within(directory)
            for entry in _entries(directory):
                is_directory = entry.is_dir(follow_symlinks=False)
                if self._ignores(rules, directory, entry.path, is_directory):
                    continue
                if is_directory:
                    waiting.append((entry.path, rules))
                else:
                    with suppress(OSError):  # it has gone, or leads nowhere
                        self._note(entry.path, entry.stat(), found)

    def _ignores(self, rules: Rules, directory: str, path: str, is_directory: bool) -> bool:
        """Return what rules say of an entry: patterns are matched once, not at every look."""
        by, known = self._judged.get(directory, (None, {}))
        if by is None or not rules.is_like(by):
            self._judged[directory] = rules, (known := {})
        key = path + "/" * is_directory
        if key not in known:
            known[key] = rules.ignores(path, is_directory=is_directory)
        return known[key]

    def _note(self, path: str, about: os.stat_result, found: dict[str, Stamp]) -> None:
        found[path] = about.st_mtime_ns, about.st_size, about.st_ino
        self.touched[path] = max(about.st_mtime, about.st_ctime)


def _entries(directory: str) -> list[os.DirEntry[str]]:
    """Return what is in a directory; nothing if it has gone, which is told, or may not be read."""
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def way_to(path: str) -> Iterator[tuple[str, str]]:
    """Yield the directories, and the entries in them, by which an absolute path may come to mean
    something else: each link on the way, and its end, or what is missing."""
    here, ahead, links = "/", path.split("/")[:0:-1], 0
    while ahead:
        name = ahead.pop()
        if name in ("", "."):
            continue
        there = os.path.normpath(f"{here}/{name}")  # what is behind us has no links any more
        try:
            mode = os.lstat(there).st_mode
        except OSError:
            yield here, name
            return
        if stat.S_ISLNK(mode) and links < _MOST_LINKS:
            yield here, name
            links += 1
            target = str(Path(there).readlink())
            ahead += target.split("/")[::-1]
            here = "/" if target.startswith("/") else here
            continue
        if not ahead:
            yield here, name
        here = there
