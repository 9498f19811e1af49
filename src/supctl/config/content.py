"""The bytes of a file that somebody wrote, or why there are none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .files_read import MISSING, Files, digest_of, note_read
from .mistakes import ConfigErrors, Mistake

LARGEST: Final = 16 * 2**20
"""Bytes; ten thousand apps fit, and /dev/zero does not fill the memory."""


def read_content(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        ConfigErrors: it cannot be read, or is larger than :data:`LARGEST`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        note_read(path, None)
        missing = isinstance(error, FileNotFoundError)
        mend = "check its name" if missing else ""
        raise ConfigErrors(
            [Mistake("", why(error), "a file that can be read", mend, str(path))]
        ) from None
    note_read(path, content)
    if len(content) > LARGEST:
        seen, wanted = f"is larger than {LARGEST} bytes", "a file that somebody wrote"
        raise ConfigErrors([Mistake("", seen, wanted, file=str(path))])
    return content


def digests(paths: Iterable[str]) -> Files:
    """Return what is in files now, for comparison with :func:`~.files_read.files_read`."""
    return {path: _digest(path) for path in paths}


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return digest_of(file.read(LARGEST + 1))
    except (OSError, ValueError):
        return MISSING


def why(error: OSError | ValueError) -> str:
    """Return why a file could not be read, as a phrase."""
    code = error.errno if isinstance(error, OSError) else None
    return os.strerror(code).lower() if code else str(error).lower()
