"""Which file of a directory is meant where none is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from .formats import recognise
from .mistakes import ConfigErrors, Mistake
from .source import read_source

NATIVE_NAMES: Final = ("supctl.toml", "supctl.yaml", "supctl.yml", "supctl.json")
"""What files of our own format are called."""

_PATTERNS: Final = (
    *NATIVE_NAMES,
    *("bunctl.json", ".bunctl.json", "ecosystem.config.*", "pm2.config.*", "pm2.json"),
    *("process.json", "ecosystem.json", "process-compose.yaml", "process-compose.yml"),
    *("services.json", "supervisord.conf", "Procfile", "package.json"),
)
"""What is looked for, the likeliest first."""

_SHARED_NAMES: Final = ("process.json", "ecosystem.json", "services.json", "package.json")
"""Files that other tools have as well, so that what is in them decides."""

_REPOSITORY: Final = (".git", ".hg", ".svn", ".jj")


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found.

    Args:
        path: the file that is taken.
        passed_over: others in the same directory that describe something, too.
    """

    path: Path
    passed_over: tuple[Path, ...] = ()


def discover(directory: Path) -> Discovery:
    """Return which file of ``directory`` is meant, else of its parents up to the root of the
    repository that it is in.

    Raises:
        ConfigErrors: there is none.
    """
    for place in _places(directory):
        found = list(files_of(place))
        if found:
            return Discovery(found[0], tuple(found[1:]))
    where = "the current directory" if directory == Path() else str(directory)
    seen = f"{where} holds no file for supctl"
    wanted = "supctl.toml, or the file of another tool (ecosystem.config.js, Procfile, ...)"
    raise ConfigErrors([Mistake("", seen, wanted, '"supctl init" writes one')])


def is_usual_name(path: Path) -> bool:
    """Return whether a file is called as many are, so that its name tells nothing of it."""
    return any(fnmatchcase(path.name, it) for it in _PATTERNS)


def _places(directory: Path) -> Iterator[Path]:
    """Yield the directory, and its parents if it lies in a repository."""
    yield directory
    absolute = directory.absolute()
    above = [absolute, *absolute.parents]
    roots = (n for n, it in enumerate(above) if any((it / name).exists() for name in _REPOSITORY))
    yield from above[1 : next(roots, 0) + 1]


def files_of(directory: Path) -> Iterator[Path]:
    """Yield the files of a directory that describe something for us, the likeliest first.

    Raises:
        ConfigErrors: it cannot be read.
    """
    try:
        names = sorted(it.name for it in os.scandir(directory) if it.is_file())
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise ConfigErrors([Mistake("", why, "a directory to read", "", str(directory))]) from None
    for pattern in _PATTERNS:
        for name in names:
            if fnmatchcase(name, pattern) and _is_meant(directory / name):
                yield directory / name


def _is_meant(path: Path) -> bool:
    """Return whether a file with a name that others use describes something for us."""
    if path.name not in _SHARED_NAMES:
        return True
    try:
        return recognise(read_source(path, {})) is not None
    except ConfigErrors:
        return False
