"""A log directory: which file each stream goes to, and that only one tree writes there."""

from __future__ import annotations

import errno
import fcntl
import os
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from supctl.errors import AlreadyRunning, StorageFailed

_LOCK = ".lock"
_SUFFIXES = {"stdout": "out", "stderr": "err"}


def default_log_directory(name: str) -> Path:
    """Return where the logs of the tree called ``name`` belong on this system."""
    import platformdirs  # not needed where a directory is given

    return Path(platformdirs.user_log_dir("supctl", appauthor=False)) / name


class LogDirectory:
    """A directory that one tree writes to; a context manager that holds it.

    Args:
        path: made with mode 0750, parents too, if it does not exist.

    Raises:
        StorageFailed: on entry, if files cannot be written there.
        AlreadyRunning: on entry, if another tree holds it; names its pid.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._lock = self._take_lock()
        except OSError as error:
            number = error.errno or errno.EIO
            if number == errno.EEXIST:
                number = errno.ENOTDIR  # mkdir(2) says only that something is there
            raise StorageFailed(
                str(self.path), number, "a directory for logs we may write to"
            ) from None
        return self

    def _take_lock(self) -> int:
        """Return the descriptor of the lock file, locked, with our pid in it."""
        lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode("ascii", "replace").strip()
            os.close(lock)
            who = f"process {holder} writes there" if holder else "another supctl writes there"
            raise AlreadyRunning(
                f"log directory {self.path}", f"{who}; choose another with --log-dir"
            ) from None
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        return lock

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The file stays: were it removed, two could lock two files of one name. It says that
        # nobody is there.
        os.truncate(self._lock, 0)
        os.close(self._lock)

    def file_of(self, address: str, stream: str) -> Path:
        """Return the file for a stream: ``/web/api:2``, stdout is ``web/api.2.out.log``."""
        name = address.strip("/").replace(":", ".")
        return self.path / f"{name}.{_SUFFIXES[stream]}.log"
