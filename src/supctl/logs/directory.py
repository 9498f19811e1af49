"""A log directory: which file each stream goes to, and that only one tree writes there."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from supctl.errors import AlreadyRunning, StorageFailed

_LOCK: Final = ".lock"
_PROBE: Final = ".probe"
_SUFFIXES: Final = {"stdout": "out", "stderr": "err", "both": "all"}


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
            make_directories(self.path)
            self._lock = self._take_lock()
        except OSError as error:
            number = error.errno or errno.EIO
            raise StorageFailed(
                str(self.path), number, "a directory for logs we may write to"
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            if os.fstat(self._lock).st_nlink:  # else the path is another's by now, or nobody's
                (self.path / _LOCK).unlink()  # before it is unlocked; see _is_taken
        os.close(self._lock)

    def file_of(self, address: str, stream: str) -> Path:
        """Return the file for a stream: ``/web/api:2``, stdout is ``web/api@2.out.log``.

        ``stream``: ``stdout``, ``stderr``, or ``both`` in one.
        """
        return Path(self.path_of(address, stream))

    def path_of(self, address: str, stream: str) -> str:
        """Return the same as text.

        A thousand paths of pathlib leave a megabyte behind, as each part of them is interned.
        """
        name = address.strip("/").replace(":", "@")  # no name has one, api.2 may be a name
        return f"{self.path}/{name}.{_SUFFIXES[stream]}.log"

    def _take_lock(self) -> int:
        """Return the descriptor of the lock file, locked, with our pid in it."""
        while True:
            lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                if self._is_taken(lock):
                    self._check_room(lock)
                    return lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)

    def _is_taken(self, lock: int) -> bool:
        """Lock ``lock``; return False if it is not the lock file any more.

        Between our opening it and our locking it, who held it may have removed it: another
        can then lock a new file of that name.
        """
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode("ascii", "replace").strip()
            who = f"process {holder} writes there" if holder else "another supctl writes there"
            raise AlreadyRunning(
                f"log directory {self.path}", f"{who}; choose another with --log-dir"
            ) from None
        return os.fstat(lock).st_nlink > 0

    def _check_room(self, lock: int) -> None:
        """Write our pid into ``lock`` and make a file, to know now that both can be done.

        That the lock file could be opened proves neither: it may be one that a killed tree left.
        """
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        probe = self.path / _PROBE
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640))
        probe.unlink()


def make_directories(path: Path) -> None:
    """Make ``path`` and its parents, none of them for everybody; one that is there is left alone.

    ``Path.mkdir(mode, parents=True)`` would give the mode to the last of them only.
    """
    try:
        path.mkdir(mode=0o750, exist_ok=True)
    except FileExistsError:  # mkdir(2) says only that something is there
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_directories(path.parent)
        path.mkdir(mode=0o750, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Have the kernel keep the names in a directory, too (fsync(2)). Blocks until it is done."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
