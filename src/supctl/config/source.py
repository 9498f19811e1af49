"""A file, read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .mistakes import ConfigErrors, Mistake

_LARGEST: Final = 16 * 2**20
"""Bytes; ten thousand apps fit, and /dev/zero does not fill the memory."""


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


def read_source(path: Path, environ: Mapping[str, str], profile: str = "") -> Source:
    """Read a file.

    Raises:
        ConfigErrors: it cannot be read, or is larger than anybody writes.
    """
    # What comes through a pipe, /dev/fd/63, lies in no directory that means anything.
    directory = path.absolute().parent if path.is_file() else Path.cwd()
    return Source(path, _content(path), directory, environ, profile)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        wanted = "a file that can be read"
        mend = "check its name" if isinstance(error, FileNotFoundError) else ""
        raise ConfigErrors([Mistake("", why, wanted, mend, str(path))]) from None
    if len(content) > _LARGEST:
        seen, wanted = f"is larger than {_LARGEST} bytes", "a file that somebody wrote"
        raise ConfigErrors([Mistake("", seen, wanted, file=str(path))])
    return content
