"""The variables that a unit sets: its own, and those of files that it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from supctl.config.env_files import EnvFile, EnvFiles
from supctl.config.reading import Reader
from supctl.config.source import Source, is_there
from supctl.errors import InvalidConfig

from .unit import Directive, Unit
from .words import split

_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)

Expanded = Callable[[Directive], str]
"""Returns the value of a directive with its specifiers put in."""


@dataclass(slots=True)
class Variables:
    """What a unit sets.

    Args:
        own: by ``Environment=``.
        files: those of ``EnvironmentFile=``, as our format names them.
        in_files: what they hold now. It overrides what the unit sets itself.
    """

    own: dict[str, str] = field(default_factory=dict)
    files: list[Any] = field(default_factory=list)
    in_files: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> dict[str, Any]:
        """Our ``env`` and ``env_file``. With us the former overrides the latter."""
        env = {name: value for name, value in self.own.items() if name not in self.in_files}
        table = {"env": env, "env_file": self.files}
        return {key: value for key, value in table.items() if value}


def variables(unit: Unit, source: Source, reader: Reader, expanded: Expanded) -> Variables:
    """Return what a unit sets."""
    found = Variables()
    for directive in unit.all("Environment"):
        found.own |= _assigned(directive, expanded(directive), reader)
    for directive in unit.all("EnvironmentFile"):
        name = expanded(directive)
        path, optional = name.removeprefix("-"), name.startswith("-")
        if not optional and not is_there(source.directory / path):
            mend = "write a - before its name if it may be missing"
            reader.wrong(directive.place, f"is {name!r}", "a file of variables", mend)
            continue
        found.files.append({"path": path, "optional": True} if optional else path)
        try:
            files = EnvFiles(source.directory, source.environ)
            found.in_files |= files.values([EnvFile(path, optional)], directive.place)
        except InvalidConfig as error:
            reader.refuse(error)
    return found


def _assigned(directive: Directive, value: str, reader: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        words = split(directive.place, value)
    except InvalidConfig as error:
        reader.refuse(error)
        return found
    for word in words:
        if pair := _ASSIGNMENT.fullmatch(word):
            found[pair[1]] = pair[2]
        else:
            mend = 'write Environment="NAME=two words" for a value with blanks'
            reader.wrong(directive.place, f"holds {word!r}", "NAME=value", mend)
    return found
