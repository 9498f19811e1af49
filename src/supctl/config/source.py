"""A file, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .content import read_content


@dataclass(frozen=True, slots=True)
class Source:
    """A file, read.

    Args:
        path: as its user has named it.
        content: its bytes.
        directory: absolute; of the file, or the current one if it is no regular file.
        environ: what apps inherit from, and what a file may refer to.
        profile: name of the profile that is wanted; empty for none.
    """

    path: Path
    content: bytes
    directory: Path
    environ: Mapping[str, str] = field(repr=False)
    profile: str = ""


def is_there(path: Path) -> bool:
    """Return whether there is a file of that name; there is none of a name that cannot be one."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def read_source(path: Path, environ: Mapping[str, str], profile: str = "") -> Source:
    """Read a file.

    Raises:
        ConfigErrors: it cannot be read, or is larger than anybody writes.
    """
    # What comes through a pipe, /dev/fd/63, lies in no directory that means anything.
    directory = path.absolute().parent if path.is_file() else Path.cwd()
    return Source(path, read_content(path), directory, dict(environ), profile)
