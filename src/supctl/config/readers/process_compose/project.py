"""What processes of a file have in common, and how each is called here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from supctl.config.imports import Import
from supctl.config.numbering import INDEX_MARK
from supctl.config.reading import join

from .text import render

REPLICA: Final = "PC_REPLICA_NUM"


@dataclass(frozen=True, slots=True)
class Process:
    """One process, or one copy of it that has to be an app of its own.

    Args:
        name: of the app.
        theirs: what the file calls it.
        tables: what it says, templates put in.
        copy: its number from 0 on; ``None`` if its copies are instances.
    """

    name: str
    theirs: str
    tables: dict[str, Any]
    copy: int | None = None

    @property
    def place(self) -> str:
        """Where the file says it."""
        return join("processes", self.theirs)


@dataclass(frozen=True, slots=True)
class Project:
    """What is known of the file when its processes are read.

    Args:
        found: takes remarks and mistakes.
        strict: whether a key that is unknown is a mistake.
        shell: what runs a command, before the command itself.
        environment: what all processes have.
        variables: what templates may name.
        has_dotenv: whether there is a ``.env`` beside the file.
        names: names of apps, by those of processes and of their copies.
        processes: in the order of the file.
    """

    found: Import
    strict: bool
    shell: list[str]
    environment: Mapping[str, str]
    variables: Mapping[str, Any]
    has_dotenv: bool = False
    names: dict[str, list[str]] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def add(self, theirs: str, tables: dict[str, Any]) -> None:
        """Take a process in: as one app, or as one for each copy if a number stands where ours
        cannot have that of an instance."""
        copies = tables.get("replicas", 1)
        many = isinstance(copies, int) and 1 < copies <= _MOST
        fixed = f".{REPLICA}" in repr(_without(tables, _NUMBERED))
        numbers = range(copies) if many and fixed else (None,)
        for number in numbers:
            called = theirs if number is None else _copy_name(theirs, number, copies)
            name = self.found.name(called, join("processes", theirs))
            shown = number if number is not None else 0 if fixed else INDEX_MARK
            rendered = self._rendered(theirs, tables, shown)
            self.processes.append(Process(name, theirs, rendered, number))
            self.names.setdefault(theirs, []).append(name)
            if number is not None:
                self.names.setdefault(called, [name])
        if many and numbers == (None,):
            for number in range(copies):
                self.names.setdefault(_copy_name(theirs, number, copies), self.names[theirs])

    def _rendered(self, theirs: str, tables: dict[str, Any], number: int | str) -> dict[str, Any]:
        if str(tables.get("is_template_disabled")).lower() == "true":
            return tables
        own = tables.get("vars")
        own = own if isinstance(own, dict) else {}
        known = {**self.variables, **own, REPLICA: number}
        place = join("processes", theirs)
        rendered: dict[str, Any] = render(tables, known, place, self.found.reader)
        return rendered


_NUMBERED: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("command", "entrypoint", "environment", "working_dir", "log_location")),
    **dict.fromkeys(("description", "vars")),
    **{
        probe: {"exec": {"command": None}, "http_get": {"host": None, "path": None}}
        for probe in ("readiness_probe", "liveness_probe")
    },
}
"""Keys of a process that may hold the number of a copy, or mean nothing."""


def _without(tables: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables without ``keys``, which are those of tables below where they are tables."""
    return {
        name: _without(it, keys[name]) if isinstance(it, dict) and keys.get(name) else it
        for name, it in tables.items()
        if name not in keys or keys[name]
    }


_MOST: Final = 10_000
"""Copies; more are refused when they are read as instances."""


def _copy_name(name: str, number: int, copies: int) -> str:
    """Return what process-compose calls a copy: ``web-0``, or ``web-00`` of ten and more."""
    return f"{name}-{number:0{len(str(copies))}}"
