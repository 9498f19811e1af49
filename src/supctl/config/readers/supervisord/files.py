"""The sections of a ``supervisord.conf`` and of all files that it includes."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from supctl.config.files_read import note_read
from supctl.config.imports import Import
from supctl.config.ini import Entry, Section, parse_ini
from supctl.config.mistakes import ConfigErrors
from supctl.config.source import Source, is_there
from supctl.config.syntax import decode
from supctl.errors import InvalidConfig

from .expansions import Names, expand

_LARGEST: Final = 2**20
"""Bytes of a file that is included."""

_NOT_FOLLOWED: Final = "supervisord does not follow what an included file includes"
_IN_ALL: Final = "DEFAULT"
"""The section whose keys all others have."""


@dataclass(slots=True)
class Table:
    """A section, put together of all places where it stands.

    Args:
        name: ``program:web``.
        place: for messages.
        values: its keys.
        places: of the keys.
        is_told: whether what became of its keys has been said; it may be in two groups.
    """

    name: str
    place: str
    values: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    is_told: bool = False


class Tables:
    """All tables of a file and those it includes.

    Args:
        names: what values may name.
    """

    def __init__(self, source: Source, found: Import, names: Names) -> None:
        self._found, self._names = found, names
        self._by_name: dict[str, Table] = {}
        self._here = source.directory
        self._seen = {os.path.realpath(source.path)}
        self._add(source.content, str(source.path), str(source.directory))
        include = self._by_name.pop("include", None)
        if include is not None:
            self._include(include)
        usual = self._by_name.pop(_IN_ALL, None)
        if usual is None:
            return
        for table in self:
            table.values = {**usual.values, **table.values}
            table.places = {**usual.places, **table.places}

    def __iter__(self) -> Iterator[Table]:
        return iter(self._by_name.values())

    def pop(self, name: str) -> Table | None:
        """Return the table of that name if there is one, and take it away."""
        return self._by_name.pop(name, None)

    def _add(self, content: bytes, file: str, here: str, included: str = "") -> None:
        for section in parse_ini(decode(content, file), file):
            if included and section.name == "include":
                self._found.leave_out(f"{included}:{section.line} include", _NOT_FOLLOWED)
                continue
            place = f"{included}:{section.line} {section.name}" if included else section.name
            table = self._by_name.setdefault(section.name, Table(section.name, place))
            if not included:
                self._found.lines.setdefault(place, section.line)
            self._fill(table, section, here, included)

    def _fill(self, table: Table, section: Section, here: str, included: str) -> None:
        for entry in section.entries:
            if entry.key in table.places:
                again = f"{included}:{entry.line}" if included else f"line {entry.line}"
                self._found.leave_out(table.places[entry.key], f"it is said again in {again}")
            place = self._place(entry, section, included)
            table.values[entry.key] = entry.value.replace("%(here)s", here.replace("%", "%%"))
            table.places[entry.key] = place

    def _place(self, entry: Entry, section: Section, included: str) -> str:
        place = f"{section.name}.{entry.key}"
        if included:
            return f"{included}:{entry.line} {place}"
        self._found.lines[place] = entry.line
        return place

    def _include(self, include: Table) -> None:
        if "files" not in include.values:
            mend = "such as files = conf.d/*.conf"
            self._found.reader.wrong(include.place, "has no files", "the files to include", mend)
        for key, place in include.places.items():
            if key != "files":
                self._found.leave_out(place, "supervisord has no such key")
                continue
            try:
                patterns = expand(place, include.values[key], self._names).split()
            except InvalidConfig as error:
                self._found.reader.refuse(error)
                continue
            self._found.change(place, "apps", "what they hold now is taken over, once")
            for pattern in patterns:
                self._include_all(pattern, place)

    def _include_all(self, pattern: str, place: str) -> None:
        paths = sorted(glob.glob(str(self._here / pattern)))  # noqa: PTH207, it may be absolute
        if not paths:
            self._found.reader.notes.append(f"{place} finds no file like {pattern}")
        for path in map(Path, paths):
            name = (
                str(path.relative_to(self._here)) if path.is_relative_to(self._here) else str(path)
            )
            if os.path.realpath(path) in self._seen:
                self._found.leave_out(f"{place} {name}", "that file has been read already")
            elif is_there(path):
                self._seen.add(os.path.realpath(path))
                self._include_one(path, name, place)

    def _include_one(self, path: Path, name: str, place: str) -> None:
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
        except OSError as error:
            why = (error.strerror or "does not open").lower()
            self._found.reader.wrong(place, f"includes {name}: {why}", "files that can be read")
            return
        note_read(path, content)
        if len(content) > _LARGEST:
            seen = f"includes {name}, which is larger than {_LARGEST} bytes"
            self._found.reader.wrong(place, seen, "files that somebody wrote")
            return
        try:
            self._add(content, str(path), str(path.parent), name)
        except ConfigErrors as error:
            for it in error.mistakes:
                line = f"{name}:{it.line}" if it.line else name
                self._found.reader.wrong(line, it.seen, it.wanted, it.mend)
