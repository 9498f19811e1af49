"""Files of environment variables, ``.env``, as python-dotenv reads them."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from supctl.errors import InvalidConfig

from .content import read_content
from .files_read import note_read
from .mistakes import ConfigErrors


@dataclass(frozen=True, slots=True)
class EnvFile:
    """A file of variables.

    Args:
        path: relative to the file that names it.
        optional: whether it may be missing.
    """

    path: str
    optional: bool = False


def parse_env_file(field: str, value: object) -> tuple[EnvFile, ...]:
    """Return files, from a path, ``{path = "...", optional = true}``, or a list of such.

    Raises:
        InvalidConfig: it is something else.
    """
    if isinstance(value, list):
        return tuple(_parse_one(f"{field}[{number}]", item) for number, item in enumerate(value))
    return (_parse_one(field, value),)


def _parse_one(field: str, value: object) -> EnvFile:
    match value:
        case str() if value:
            return EnvFile(value)
        case {"path": str() as path, **rest} if path and rest.keys() <= {"optional"}:
            optional = rest.get("optional", False)
            if isinstance(optional, bool):
                return EnvFile(path, optional)
    wanted = 'a path such as ".env", { path = ".env", optional = true }, or a list of such'
    raise InvalidConfig(field, value, wanted)


class EnvFiles:
    """Reads each file once.

    Args:
        directory: what paths are relative to.
        environ: what values in such files may refer to, besides those above them.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._directory, self._environ = directory, environ
        self._known: dict[EnvFile, dict[str, str]] = {}

    def values(self, files: Iterable[EnvFile], place: str) -> dict[str, str]:
        """Return the variables of all of them; later files override earlier ones.

        Raises:
            InvalidConfig: one is missing and not optional, cannot be read, or does not parse.
        """
        found: dict[str, str] = {}
        for file in files:
            if file not in self._known:
                self._known[file] = self._read(file, place)
            found |= self._known[file]
        return found

    def _read(self, file: EnvFile, place: str) -> dict[str, str]:
        path = self._directory / file.path
        if file.optional and not os.path.exists(path):  # noqa: PTH110, any name may be missing
            note_read(path, None)
            return {}
        wanted = "a file of variables, NAME=value"
        try:
            text = read_content(path).decode("utf-8-sig")
        except ConfigErrors as errors:
            mend = f'{errors.mistakes[0].seen}; or write {{ path = "...", optional = true }}'
            raise InvalidConfig(place, file.path, wanted, mend) from None
        except UnicodeDecodeError:
            raise InvalidConfig(place, file.path, wanted, "save it as UTF-8") from None
        return self._parsed(text, file, place)

    def _parsed(self, text: str, file: EnvFile, place: str) -> dict[str, str]:
        from dotenv.parser import parse_stream  # only here: most files need none of it
        from dotenv.variables import parse_variables

        found: dict[str, str] = {}
        known = ChainMap(found, dict(self._environ))
        for binding in parse_stream(StringIO(text)):
            if binding.error:
                mend = f"its line {binding.original.line} does not parse"
                wanted = "a file of variables, NAME=value"
                raise InvalidConfig(place, file.path, wanted, mend)
            if binding.key is not None and binding.value is not None:
                atoms = parse_variables(binding.value)
                found[binding.key] = "".join(atom.resolve(known) for atom in atoms)
        return found
