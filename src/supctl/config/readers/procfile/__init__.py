"""Procfiles: one ``name: command`` a line, and what foreman, honcho and overmind read beside it.

Each line is run by a shell. ``PORT`` is 5000 for the first line, 100 more for each line after it,
and 1 more for each copy. When one process ends, all others are stopped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from supctl.config.imports import Import
from supctl.config.mistakes import Mistake
from supctl.config.reading import join
from supctl.config.sharing import share
from supctl.config.source import Source
from supctl.config.syntax import decode
from supctl.errors import InvalidConfig

from .settings import ALL, Settings, is_in, read_settings
from .shell import through_shell

_LINE: Final = re.compile(r"([A-Za-z0-9_.-]+)[ \t]*:[ \t]*(.*\S)\s*")
_RELEASE: Final = "release"
"""A step of Heroku between build and start."""

_RELEASE_NOTE: Final = (
    "Heroku runs it once before a release; here it starts only if somebody starts it"
)
_NOTE: Final = (
    "programs inherit the whole environment; when one of them ends, all others are stopped, as "
    "under foreman, honcho and overmind (essential = true says so)"
)


def claims(source: Source) -> bool:
    """Return whether a file is a Procfile: it is called so."""
    return True


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with the processes of the file."""
    lines = dict(_lines(decode(source.content, str(source.path)), found))
    settings = read_settings(source, found)
    _check_names(lines, settings, found)
    apps: dict[str, dict[str, Any]] = {}
    for number, (name, line) in enumerate(lines.items()):
        port = None if settings.port is None else settings.port + number * settings.step
        apps |= _process(name, line, port, settings, found)
    if apps:
        defaults: dict[str, Any] = {"inherit_env": True}
        if settings.files:
            defaults["env_file"] = settings.files
        root = {"start": "concurrent", "stop": dict(settings.stop)}
        found.document = {"supervisor": root, "defaults": defaults, "apps": apps}
        share(found.document, ["restart"])
        found.reader.notes.append(_NOTE)
    elif not found.reader.mistakes:
        found.reader.wrong("", "holds no process", "lines such as web: python app.py")


def _lines(text: str, found: Import) -> Iterator[tuple[str, str]]:
    """Yield names and commands."""
    for number, line in enumerate(text.split("\n"), 1):
        said = line.strip()
        if not said or said.startswith("#"):
            continue
        pair = _LINE.fullmatch(said)
        if pair is None:
            wanted = "a line such as web: python app.py"
            mistake = Mistake("", f"holds {said[:40]!r}", wanted, line=number)
            found.reader.mistakes.append(mistake)
        elif pair[1] in found.lines:
            seen = f"is there twice, also in line {found.lines[pair[1]]}"
            mistake = Mistake(pair[1], seen, "names that differ", line=number)
            found.reader.mistakes.append(mistake)
        else:
            found.lines[pair[1]] = number
            yield pair[1], pair[2]


def _check_names(lines: dict[str, str], settings: Settings, found: Import) -> None:
    """Note those that no line has: a slip, or meant for another file."""
    named = {*settings.formation, *settings.only, *settings.ignored, *settings.can_die}
    named |= {*settings.restarted, *settings.signals}
    for name in sorted(named - lines.keys() - {ALL}):
        found.reader.notes.append(
            f"there is no process {name!r}, which the formation or another variable names"
        )


def _process(
    name: str, line: str, port: int | None, settings: Settings, found: Import
) -> dict[str, dict[str, Any]]:
    """Return the app of one line, if that can be read."""
    try:
        command = through_shell(name, line)
    except InvalidConfig as error:
        found.reader.refuse(error)
        return {}
    app = {"command": command, **_policy(name, settings)}
    if name == _RELEASE:
        app = {"command": command, "restart": "never", "autostart": False}
    copies = settings.formation.get(name, settings.formation.get(ALL, 1))
    if copies == 0:
        app["autostart"] = False
    if copies > 1:
        app["instances"] = copies
    if port is not None:
        app["port"] = port
    return {_name(name, name, found): app}


def _name(text: str, place: str, found: Import) -> str:
    name = found.name(text, place)
    if place == _RELEASE:
        found.change(place, join("apps", name), _RELEASE_NOTE)
    return name


def _policy(name: str, settings: Settings) -> dict[str, Any]:
    """Return what follows when a process ends, whether it starts, and how it is stopped."""
    policy: dict[str, Any] = {"restart": "never"}
    if is_in(name, settings.restarted):
        policy["restart"] = "always"
    elif not is_in(name, settings.can_die):
        policy["essential"] = True
    if not is_in(name, settings.only) or is_in(name, settings.ignored):
        policy["autostart"] = False
    if name in settings.signals:
        policy["stop"] = {"signal": settings.signals[name]}
    return policy
