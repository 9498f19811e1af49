"""Which files a configuration has come from, and what was in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import Final, TypeAlias

Files: TypeAlias = dict[str, str]
"""By absolute path, a digest of the content of each; empty for one that is not there."""

MISSING: Final = ""
"""The digest of what is not there."""

_files: ContextVar[Files | None] = ContextVar("files", default=None)


@contextmanager
def files_read() -> Iterator[Files]:
    """Have each file that is read in the block be in what the block is given, also those that
    were looked for in vain."""
    files: Files = {}
    above = _files.get()
    before = _files.set(files)
    try:
        yield files
    finally:
        _files.reset(before)
        if above is not None:
            above |= files


def note_read(path: str | os.PathLike[str], content: bytes | None) -> None:
    """Know what was in a file; ``None``: it is not there."""
    files = _files.get()
    if files is not None:
        files[os.path.abspath(path)] = MISSING if content is None else digest_of(content)


def digest_of(content: bytes) -> str:
    """Return what two contents have in common only if they are the same."""
    return blake2b(content, digest_size=16).hexdigest()
