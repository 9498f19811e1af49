"""The control socket: made, and reached, however long its path is."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_LONGEST: Final = 100
"""Bytes of a path that every kernel takes in a socket's address (unix(7): 108 on Linux, 104 on
macOS, with a NUL)."""


@contextmanager
def _short(path: str) -> Iterator[str]:
    """Give a path to the same file that fits into a socket's address."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    above, name = os.path.split(path)
    directory = os.open(above, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{name}"
    finally:
        os.close(directory)


def connect(path: str, timeout: float) -> socket.socket:
    """Return a socket that is connected to the one at ``path``, and has that time-out.

    Raises:
        BlockingIOError: so many wait to be taken in that we were not, in that time.
        OSError: nobody listens, or not to us.
    """

    def knock(made: socket.socket, name: str) -> None:
        # A socket that does not block would not wait for room in the backlog (unix(7)).
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout))
        made.connect(name)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(0))
        made.settimeout(timeout)

    return _with_socket(path, knock)


def _timeval(seconds: float) -> bytes:
    whole, rest = divmod(seconds, 1)
    return struct.pack("@ll", int(whole), int(rest * 1e6))


def listen(path: str, backlog: int) -> socket.socket:
    """Return a socket that listens at ``path``, mode 0600. Raises OSError."""

    def bind(made: socket.socket, name: str) -> None:
        # Not a moment with another mode: who could connect then would be in.
        before = os.umask(0o177)
        try:
            made.bind(name)
        finally:
            os.umask(before)
        made.listen(backlog)

    return _with_socket(path, bind)


def _with_socket(path: str, use: Callable[[socket.socket, str], None]) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as name:
            use(made, name)
    except BaseException:
        made.close()
        raise
    return made
