"""``Tool``: a plugin of supctl's own, which only ever changes variables."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, TypeAlias

from supctl.config.files_read import note_read
from supctl.specs import App

from .plugin import with_env
from .project import Projects

Variables: TypeAlias = Mapping[str, str | None]

_Facts: TypeAlias = tuple[str | None, str | int | None, frozenset[tuple[str, str | None]]]
"""What a tool may look at of an app."""

_LONGEST = 2**20
"""Bytes that are read of a file of a project; these files have a few lines."""


class Tool(ABC):
    """A tool that a project may use, as far as files tell: nothing of it is run.

    Args:
        environ: of whoever runs supctl: says where tools are if the app's own does not.
        projects: where to look for what projects say.
    """

    name: ClassVar[str]
    priority: ClassVar[int]
    marks: ClassVar[tuple[str, ...]]
    """Names in the directories of a project of which it has one if it uses the tool."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Variables of an app that it looks at besides PATH and HOME; ``*`` for all."""

    def __init__(self, environ: Mapping[str, str], projects: Projects) -> None:
        self._environ, self._projects = environ, projects
        self._known: dict[_Facts, Variables | Exception] = {}

    @abstractmethod
    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return the variables to change; none if the tool is not there.

        Args:
            directories: where to look for what a project says, in this order.
        """

    def is_used(self, directory: Path) -> bool:
        """Return whether the project of a directory may use the tool."""
        return self._projects.hold(directory, self.marks)

    def is_applicable(self, spec: App) -> bool:
        """Return whether there is something to change."""
        return bool(self.changes(spec))

    def enhance(self, spec: App) -> App:
        """Return the app with its variables changed."""
        return with_env(spec, self.changes(spec))

    def changes(self, spec: App) -> Variables:
        """Return the variables to change; a thousand apps of one project are one look."""
        env = spec.environment({})
        names = env if "*" in self.reads else (*self.reads, "PATH", "HOME")
        facts = (spec.cwd, spec.user, frozenset((name, env.get(name)) for name in names))
        if facts not in self._known:
            self._known[facts] = self._look(spec)
        found = self._known[facts]
        if isinstance(found, Exception):
            raise found
        return found

    def _look(self, spec: App) -> Variables | Exception:
        directory = Path(spec.cwd or os.getcwd())
        try:
            directories = self._projects.above(directory)
            return self.variables(spec, directories) if self.is_used(directory) else {}
        except Exception as error:
            return error

    def home(self, spec: App, variable: str, *usual: str) -> Path | None:
        """Return where a tool has its files: as ``variable`` says, or below the home directory."""
        env = spec.environment({})
        if said := env.get(variable) or self._environ.get(variable):
            return Path(said)
        home = env.get("HOME") or self._environ.get("HOME")
        places = [Path(home, place) for place in usual] if home else []
        return next((place for place in places if place.is_dir()), None)


def first_text(directories: Iterable[Path], *names: str) -> str | None:
    """Return what the nearest of some files says; ``None`` if there is none."""
    for directory in directories:
        for name in names:
            if (directory / name).is_file():
                return text_of(directory / name)
    return None


def text_of(path: Path) -> str:
    """Return what a small file says.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(_LONGEST)
    note_read(path, content)
    return content.decode("utf-8-sig")


def lines_of(text: str | None) -> Iterator[str]:
    """Yield the lines of a text without comments and without those that are empty."""
    for line in (text or "").splitlines():
        if said := line.partition("#")[0].strip():
            yield said


def installed(versions: Path, wanted: str) -> Path | None:
    """Return the directory of a version: itself, or the newest that begins like it.

    ``3.11`` stands for ``3.11.9``, and not for ``3.110``.
    """
    if not wanted or "/" in wanted or wanted.startswith("."):
        return None
    if (versions / wanted).is_dir():
        return versions / wanted
    alike = [it for it in versions.glob("*") if it.name.startswith(f"{wanted}.") and it.is_dir()]
    return max(alike, key=lambda it: _age(it.name), default=None)


def _age(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def on_path(spec: App, *directories: Path) -> dict[str, str | None]:
    """Return a PATH with these in front, those of them that exist; nothing if none does."""
    path = spec.environment({}).get("PATH", "")
    there = [str(it) for it in directories if it.is_dir()]
    if not there or path.split(os.pathsep)[: len(there)] == there:
        return {}
    return {"PATH": os.pathsep.join([*there, path] if path else there)}
