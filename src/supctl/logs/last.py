"""The last lines of a log, from its present file and those that it was rotated to."""

from __future__ import annotations

import gzip
import os
from collections import deque
from importlib import import_module
from pathlib import Path
from typing import Any

from .rotated import Rotated, rotated_files
from .tail import tail, tail_of


def last_lines(path: Path, count: int) -> list[bytes]:
    """Return the last lines of the log whose present file is ``path``, without their ends.

    Reads from the end, and no more files than it needs; compressed ones whole.

    Raises:
        OSError: a file cannot be read.
        ImportError: one is compressed with zstd, which is not to be had here.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _from_rotated(_rotated(path), [], count)
    try:
        held = os.fstat(fd)
        lines = tail_of(fd, held.st_size, count)
    finally:
        os.close(fd)
    if len(lines) >= count:
        return lines
    # The one that was open may have been rotated meanwhile.
    others = [it for it in _rotated(path) if not _is(it.path, held)]
    return _from_rotated(others, lines, count)


def _rotated(path: Path) -> list[Rotated]:
    try:
        return rotated_files(path)
    except FileNotFoundError:  # there is not even the directory
        return []


def _is(path: Path, held: os.stat_result) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)


def _from_rotated(files: list[Rotated], lines: list[bytes], count: int) -> list[bytes]:
    """Return ``lines``, and before them as many of older files as make ``count``."""
    for rotated in reversed(files):
        if len(lines) >= count:
            break
        lines = _tail(rotated, count - len(lines)) + lines
    return lines


def _tail(rotated: Rotated, count: int) -> list[bytes]:
    if not rotated.is_compressed:
        return tail(rotated.path, count)
    with _open(rotated.path) as file:
        last: deque[bytes] = deque(file, count)
    return [line.removesuffix(b"\n").removesuffix(b"\r") for line in last]


def _open(path: Path) -> Any:
    """Return a compressed file, to read from."""
    if path.suffix == ".gz":
        return gzip.open(path)
    try:
        zstd: Any = import_module("compression.zstd")
    except ModuleNotFoundError:  # a Python before 3.14
        zstd = import_module("zstandard")
    return zstd.open(path, "rb")
