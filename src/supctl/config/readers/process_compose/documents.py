"""The file and those that it extends, as one document."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from supctl.config.env_files import EnvFile, EnvFiles
from supctl.config.mistakes import ConfigErrors, Mistake
from supctl.config.source import Source, read_source
from supctl.config.syntax import YAML_SUFFIXES, decode, is_json, parse
from supctl.config.yaml_syntax import parse_yaml_text
from supctl.errors import InvalidConfig

from .text import expand

DOTENV: Final = ".env"
"""What process-compose reads before everything else, in the directory of the file."""

_WHOLE: Final = ("namespace", "paths", "entrypoint")
"""Lists of which the upper one replaces the lower."""


def read_document(source: Source) -> dict[str, Any]:
    """Return what a file says together with the one that it ``extends``, and so on.

    Args:
        source: its ``environ`` is what ``${NAME}`` stands for.

    Raises:
        ConfigErrors: one of them cannot be read, or they go round in a circle.
    """
    return _document(source, (source.path.resolve(),))


def read_variables(source: Source) -> dict[str, str]:
    """Return the variables of the ``.env`` beside a file, none if there is no such file.

    Raises:
        ConfigErrors: it cannot be read, or does not parse.
    """
    files = EnvFiles(source.directory, source.environ)
    try:
        return files.values([EnvFile(DOTENV, optional=True)], DOTENV)
    except InvalidConfig as error:
        raise ConfigErrors([Mistake.of(error, str(source.path))]) from None


def _document(source: Source, seen: tuple[Path, ...]) -> dict[str, Any]:
    tables = _parse(source)
    name = tables.get("extends")
    if not isinstance(name, str) or not name:
        return tables
    path = source.directory / name
    if path.resolve() in seen:
        told, wanted = f"is {name!r}, which extends this file in turn", "no circle"
        raise ConfigErrors([Mistake("extends", told, wanted, file=str(source.path))])
    base = read_source(path, source.environ)
    below = _document(base, (*seen, path.resolve()))
    merged: dict[str, Any] = _merged(_placed(below, base.directory), tables)
    return merged


def _parse(source: Source) -> dict[str, Any]:
    file = str(source.path)
    text = expand(decode(source.content, file), source.environ, file)
    if source.path.suffix not in YAML_SUFFIXES and is_json(source.path, source.content):
        return parse(text.encode(), file, as_json=True)
    return parse_yaml_text(text, file)


def _placed(tables: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Return a base file whose processes run in its directory, unless they say another one."""
    processes = tables.get("processes")
    if not isinstance(processes, dict):
        return tables
    placed = {name: _in_directory(item, directory) for name, item in processes.items()}
    return {**tables, "processes": placed}


def _in_directory(process: object, directory: Path) -> object:
    if not isinstance(process, dict):
        return process
    own = process.get("working_dir") or "."
    return {**process, "working_dir": str(directory / own) if isinstance(own, str) else own}


def _merged(base: Any, above: Any, key: str = "") -> Any:
    """Return ``base`` with what is above it: tables are merged, lists joined."""
    if isinstance(base, dict) and isinstance(above, dict):
        both = {name: _merged(base[name], above[name], name) for name in base if name in above}
        return {**base, **above, **both}
    if isinstance(base, list) and isinstance(above, list) and key not in _WHOLE:
        return base + above
    return base if above in (None, "") else above
