"""The variables that a unit sets: its own, and those of files that it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from typing import Final

from supctl.config.mistakes import ConfigErrors
from supctl.config.reading import Reader
from supctl.config.source import Source, is_there, read_source
from supctl.config.syntax import decode
from supctl.errors import InvalidConfig

from .unit import Directive, Unit
from .words import split

_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def variables(
    unit: Unit, source: Source, reader: Reader, expanded: Callable[[Directive], str]
) -> dict[str, str]:
    """Return what ``Environment=`` and the files of ``EnvironmentFile=`` set; files win.

    Args:
        expanded: returns the value of a directive with its specifiers put in.
    """
    found: dict[str, str] = {}
    for directive in unit.all("Environment"):
        try:
            words = split(directive.place, expanded(directive))
        except InvalidConfig as error:
            reader.refuse(error)
            continue
        for word in words:
            if pair := _ASSIGNMENT.fullmatch(word):
                found[pair[1]] = pair[2]
            else:
                mend = 'write Environment="NAME=two words" for a value with blanks'
                reader.wrong(directive.place, f"holds {word!r}", "NAME=value", mend)
    for directive in unit.all("EnvironmentFile"):
        found |= _of_file(directive, expanded(directive), source, reader)
    return found


def _of_file(directive: Directive, name: str, source: Source, reader: Reader) -> dict[str, str]:
    """Return the variables of one file; a ``-`` before its name means that it may be missing."""
    path = source.directory / name.removeprefix("-")
    if name.startswith("-") and not is_there(path):
        return {}
    from dotenv.parser import parse_stream  # only here: most units name no file

    found: dict[str, str] = {}
    try:
        text = decode(read_source(path, source.environ).content, str(path))
    except (ConfigErrors, OSError, ValueError):  # the latter for what cannot be a name
        mend = "write a - before its name if it may be missing"
        reader.wrong(directive.place, f"is {name!r}", "a file of variables that can be read", mend)
        return {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            seen = f"is {name!r}, whose line {binding.original.line} does not parse"
            reader.wrong(directive.place, seen, "variables, NAME=value")
        elif binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
    return found
