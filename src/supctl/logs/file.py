"""The file of one stream: bytes as they come, and an account of those the disk refused."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from typing import TypeAlias

from .directory import LogDirectory

OnProblem: TypeAlias = Callable[[str, int, int], None]
"""Hears of output that cannot be stored: address, the system's error number (0: it can be again),
bytes lost so far. Called in the capture's thread, at the beginning and the end of an outbreak,
and when the capture is closed during one: it must not block."""

_log = logging.getLogger("supctl.logs")


def log_problem(address: str, number: int, lost: int) -> None:
    """Tell the log of this program: losing output is never silent."""
    if number:
        why = os.strerror(number)
        _log.warning("%s: output cannot be stored: %s; %d bytes lost so far", address, why, lost)
    else:
        _log.warning("%s: output is stored again; %d bytes are lost", address, lost)


class LogFile:
    """Appends to the file of one stream, which it opens at the first byte.

    It does not fail: what the disk refuses is counted and told, and the next bytes are tried
    anew. A program is not to suffer from a full disk, nor are the others.
    """

    __slots__ = ("_directory", "_errno", "_fd", "_lost", "_on_problem", "address", "name")

    def __init__(
        self, directory: LogDirectory, address: str, name: str, on_problem: OnProblem
    ) -> None:
        self.address, self.name = address, name
        self._directory = directory
        self._on_problem = on_problem
        self._fd = -1
        self._errno = 0  # of the outbreak we are in; it may outlast a life of the app
        self._lost = 0

    @property
    def is_failing(self) -> bool:
        """Whether the last bytes could not be stored."""
        return self._errno != 0

    def append(self, data: bytes) -> None:
        """Store ``data``, or as much of it as the disk takes."""
        view = memoryview(data)
        number = 0
        try:
            if self._fd < 0:
                self._fd = self._directory.open_file(self.address, self.name)
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            number = error.errno or errno.EIO
            self._lost += len(view)
        if number != self._errno:
            self._errno = number
            self.tell()
            if number == 0:
                self._lost = 0

    def close(self) -> None:
        """Close the file; more bytes open it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def tell(self) -> None:
        """Tell how things stand with the disk."""
        try:
            self._on_problem(self.address, self._errno, self._lost)
        except Exception:  # who listens must not keep the output from the files
            _log.exception("a listener to problems has failed")
