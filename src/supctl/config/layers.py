"""Files of our own format as layers: what they include, and several of them over each other.

Those that a file includes lie below it, in their order; of several that are given, the later ones
lie above the earlier. Each included file is read once, where it is met first. Tables are merged
key by key, anything else is replaced as a whole (:mod:`.merging`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from supctl.errors import InvalidConfig

from .content import read_content
from .merging import Origins, Tables, merge
from .mistakes import ConfigErrors, Mistake, show
from .reading import Reader, join
from .references import expand
from .schema import FileKeys, LayerKeys
from .tables import read_tables


class Layers:
    """Reads files with all that they include.

    Args:
        main: the file that names what no other file says.
        environ: what ``include`` may refer to.

    Attributes:
        mistakes: in what only layers have, each with its file.
        origins: which file says what.
        format: of the first file, for people: ``"TOML"``, ``"YAML"`` or ``"JSON"``.
    """

    def __init__(self, main: Path, environ: Mapping[str, str]) -> None:
        self.mistakes: list[Mistake] = []
        self.origins = Origins(str(main))
        self.format = ""
        self._environ = environ
        self._seen: set[str] = set()

    def read(self, files: Mapping[Path, bytes]) -> Tables:
        """Return what files say together.

        Raises:
            ConfigErrors: one of them does not parse.
        """
        layers = [it for path, content in files.items() for it in self._layers(path, content, ())]
        if len(layers) == 1:
            return layers[0][1]
        merged: Tables = {}
        for path, tables in layers:
            merged = merge(merged, tables, "", partial(self.origins.note, str(path)))
        return merged

    def _layers(
        self, path: Path, content: bytes, above: tuple[Path, ...]
    ) -> Iterator[tuple[Path, Tables]]:
        """Yield all that a file includes, the lowest first, and then the file."""
        self._seen.add(os.path.realpath(path))
        tables, form = read_tables(path, content)
        self.format = form if not above else self.format
        reader = Reader(str(path))
        tables = reader.table(LayerKeys, tables, "", "file")
        if "profiles" in tables:
            tables["profiles"] = _profiles(reader, tables["profiles"])
        self.mistakes += reader.mistakes
        for number, name in enumerate(tables.pop("include", ())):
            yield from self._included(name, f"include[{number}]", (*above, path))
        yield path, tables

    def _included(
        self, name: str, place: str, above: tuple[Path, ...]
    ) -> Iterator[tuple[Path, Tables]]:
        """Yield the layers of a file that is included; nothing if that is a mistake."""
        try:
            path = _directory(above[-1]) / expand(name, place, self._environ)
            content = read_content(path)
        except InvalidConfig as error:
            self.mistakes.append(Mistake.of(error, str(above[-1])))
            return
        except ConfigErrors as errors:
            seen = f"is {show(name)}: {errors.mistakes[0].seen}"
            wanted = "a file that can be read, relative to this one"
            self.mistakes.append(Mistake(place, seen, wanted, file=str(above[-1])))
            return
        real = os.path.realpath(path)
        if real in map(os.path.realpath, above):
            chain = " -> ".join(map(str, (*above, path)))
            seen, mend = f"goes round in a circle: {chain}", "leave one of these out"
            wanted = "files that do not include themselves"
            self.mistakes.append(Mistake(place, seen, wanted, mend, str(above[-1])))
        elif real not in self._seen:
            yield from self._layers(path, content, above)


def _profiles(reader: Reader, profiles: object) -> dict[str, Any]:
    """Return those keys of each profile that files have."""
    if not isinstance(profiles, dict):
        reader.wrong("profiles", f"is {show(profiles)}", "tables such as [profiles.production]")
        return {}
    return {
        name: reader.table(FileKeys, table, join("profiles", name), "profile")
        for name, table in profiles.items()
    }


def _directory(path: Path) -> Path:
    # What comes through a pipe, /dev/fd/63, lies in no directory that means anything.
    return path.parent if path.is_file() else Path()
