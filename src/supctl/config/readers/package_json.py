"""``package.json``: a section for supctl, bunctl or PM2 in it, else its ``start`` script."""

from __future__ import annotations

import os
from typing import Any, Final

from supctl.config.env_files import EnvFiles
from supctl.config.formats import Source
from supctl.config.imports import Import
from supctl.config.loose import loose_json
from supctl.config.merging import Origins
from supctl.config.mistakes import ConfigErrors, show
from supctl.config.profiles import choose
from supctl.config.reading import join
from supctl.config.references import References
from supctl.config.schema import FileKeys
from supctl.errors import InvalidConfig

_SECTIONS: Final = ("supctl", "bunctl", "pm2")
"""Keys that hold a whole configuration, the one that counts first."""

_NOTE: Final = "the app inherits the whole environment, as under npm start"

_USUAL_START: Final = "node server.js"
"""What npm starts where there is no script and this file."""


def claims(source: Source) -> bool:
    """Return whether a package says how it is started: a library says nothing of that."""
    try:
        package = loose_json(source)
    except ConfigErrors:
        return True  # to say what is wrong with it
    return isinstance(package, dict) and (
        any(key in package for key in _SECTIONS) or bool(_start(package, source))
    )


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with the section, or with one app for the script."""
    package = loose_json(source)
    section = next((key for key in _SECTIONS if key in package), None)
    if section is None:
        _read_start(package, source, found)
        return
    _pass_over(package, section, found)
    if section == "supctl":
        _read_own(package[section], source, found)
    elif section == "bunctl":
        from . import bunctl

        bunctl.fill(package[section], source, found, section)
    else:
        from . import pm2

        pm2.fill(package[section], source, found, section)


def _read_own(section: object, source: Source, found: Import) -> None:
    """Take a document of our own format, whose places are told as they are in there."""
    reader = found.reader
    if not isinstance(section, dict) or not section:
        wanted = 'a table such as {"apps": {"web": {"command": ["..."]}}}'
        reader.wrong("supctl", f"is {show(section)}", wanted)
        return
    tables = reader.table(FileKeys, section, "", "section")
    try:
        tables = choose(tables, source.profile, Origins(reader.file))
    except InvalidConfig as error:
        reader.refuse(error)
        return
    found.is_ours = True
    env_files = EnvFiles(source.directory, source.environ)
    found.document = References(source.environ, env_files, reader.refuse).resolve(tables)


def _read_start(package: dict[str, Any], source: Source, found: Import) -> None:
    start = _start(package, source)
    given = package.get("name")
    if isinstance(given, str):
        name = found.name(given, "name")
    else:
        name = found.name(source.directory.name, "scripts.start")
    became = join("apps", name)
    found.map("scripts.start", f"{became}.command")
    before = _script(package, "prestart")
    if before:
        found.change("scripts.prestart", f"{became}.command", "it runs before every start")
    if _script(package, "poststart"):
        found.leave_out("scripts.poststart", "an app that is kept running has no afterwards")
    found.reader.notes.append(_NOTE)
    line = f"({before}) && {start}" if before else start
    app = {"command": ["sh", "-c", line], "inherit_env": True, "env": _env(package, source)}
    found.document = {"apps": {name: app}}


def _start(package: dict[str, Any], source: Source) -> str:
    """Return the line for a shell that npm would run."""
    has_server = (source.directory / "server.js").is_file()
    return _script(package, "start") or (_USUAL_START if has_server else "")


def _script(package: dict[str, Any], name: str) -> str:
    scripts = package.get("scripts")
    line = scripts.get(name) if isinstance(scripts, dict) else None
    return line if isinstance(line, str) and line.strip() else ""


def _env(package: dict[str, Any], source: Source) -> dict[str, str]:
    """Return what npm adds: the programs of the package first, and what the package is called."""
    own, *above = (it / "node_modules/.bin" for it in (source.directory / "x").parents)
    programs = [str(own), *(str(it) for it in above if it.is_dir())]
    path = os.pathsep.join([*programs, source.environ.get("PATH", os.defpath)])
    env = {"PATH": path, "npm_lifecycle_event": "start", "INIT_CWD": str(source.directory)}
    for key in ("name", "version"):
        if isinstance(value := package.get(key), str):
            env[f"npm_package_{key}"] = value
    return env


def _pass_over(package: dict[str, Any], section: str, found: Import) -> None:
    for key in _SECTIONS:
        if key in package and key != section:
            found.leave_out(key, f"{section} is taken, which comes first")
