"""The control socket: made, and reached, however long its path is."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LONGEST: Final = 100
"""Bytes of a path that every kernel takes in a socket's address (unix(7): 108 on Linux, 104 on
macOS, with a NUL)."""


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a path to the same file that fits into a socket's address."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def connect(path: Path, timeout: float | None = None) -> socket.socket:
    """Return a socket that is connected to the one at ``path``. Raises OSError."""
    return _with_socket(path, lambda made, name: made.connect(name), timeout)


def listen(path: Path, backlog: int) -> socket.socket:
    """Return a socket that listens at ``path``, mode 0600. Raises OSError."""

    def bind(made: socket.socket, name: str) -> None:
        # Not a moment with another mode: who could connect then would be in.
        before = os.umask(0o177)
        try:
            made.bind(name)
        finally:
            os.umask(before)
        made.listen(backlog)

    return _with_socket(path, bind, None)


def _with_socket(
    path: Path, use: Callable[[socket.socket, str], None], timeout: float | None
) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout)
        with _short(path) as name:
            use(made, name)
    except BaseException:
        made.close()
        raise
    return made
