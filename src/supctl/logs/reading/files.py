"""The files of one log, opened to be read while others rotate, compress and delete them."""

from __future__ import annotations

import errno
import gzip
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from supctl.errors import Unsupported
from supctl.logs.rotated import Rotated, rotated_files, stamp_of

from .chunks import lines_of

_PACKINGS = (".gz", ".zst")


def open_to_read(path: str | Path) -> int:
    """Return a descriptor of the regular file at ``path``; -1 if there is none.

    A pipe is not touched: its writer would take us for the reader that it waits for.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return -1
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return -1


def reader(fd: int, end: int, start: int = 0) -> Callable[[int], bytes]:
    """Return what reads an open file from ``start`` to ``end``."""
    at = start

    def read(size: int) -> bytes:
        nonlocal at
        data = os.pread(fd, min(size, end - at), at)
        at += len(data)
        return data

    return read


def look_for(path: str) -> list[Rotated]:
    """Return the rotated files of the log at ``path``, the oldest first."""
    try:
        return rotated_files(Path(path))
    except FileNotFoundError:  # there is not even the directory
        return []


def stamp_of_open(fd: int, path: str) -> str:
    """Return the stamp that an open file was rotated with; empty if it was not, so far as can be
    known."""
    if fd < 0:
        return ""
    try:
        name = Path(f"/proc/self/fd/{fd}").readlink().name
    except OSError:  # no Linux: it is known as long as it is there
        held = os.fstat(fd)
        found = [it.stamp for it in look_for(path) if _is(it.path, held)]
        return found[0] if found else ""
    return stamp_of(name.removesuffix(" (deleted)"))  # as the kernel says behind such a name


def _is(path: Path, held: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), held)
    except FileNotFoundError:
        return False


def open_plain(rotated: Rotated) -> int:
    """Return a descriptor of a rotated file; -1 if it is compressed, or gone."""
    return -1 if rotated.is_compressed else open_to_read(rotated.path)


def lines_of_rotated(rotated: Rotated | None) -> Iterator[bytes]:
    """Yield the lines of a rotated file, also if it has been compressed since it was found; none
    if it has been deleted, or is none.

    Raises:
        OSError: it cannot be read, or is damaged.
        Unsupported: it is compressed with zstd, which is not to be had here.
    """
    if rotated is None:
        return
    name = str(rotated.path)
    plain = name.removesuffix(".gz").removesuffix(".zst")
    for path in (name, *(plain + packing for packing in _PACKINGS)):
        try:
            with _opened(path) as file:
                yield from lines_of(file.read)
            return
        except FileNotFoundError:
            continue
        except (EOFError, zlib.error) as error:
            raise OSError(errno.EIO, f"damaged: {error}", path) from None


def _opened(path: str) -> Any:
    if path.endswith(".gz"):
        return gzip.open(path)
    if path.endswith(".zst"):
        return _zstd().open(path, "rb")
    return open(path, "rb")


def _zstd() -> Any:
    try:
        return import_module("compression.zstd")
    except ModuleNotFoundError:  # a Python before 3.14
        try:
            return import_module("zstandard")
        except ModuleNotFoundError:
            mend = "install the package zstandard, or use the command zstdcat"
            raise Unsupported("reading a .zst file", "this Python", mend) from None
