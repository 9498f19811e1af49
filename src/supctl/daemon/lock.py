"""One daemon for each home."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from supctl.control.reaching import read_holder
from supctl.errors import AlreadyRunning


class DaemonLock:
    """Held as long as a daemon lives, or the reaper that starts the next one; the kernel lets go of
    it when both are dead, however they died.

    The file tells the pid, for people; nothing is decided by it, so a stranger's pid in it, or
    one that was left by a killed daemon, does no harm.

    Args:
        path: of the file.

    Raises:
        AlreadyRunning: on entry, if another daemon holds it; tells its pid.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def fileno(self) -> int:
        """Return the descriptor that holds it."""
        return self._fd

    @staticmethod
    def sign(fd: int) -> None:
        """Have the file tell that we are the daemon, unless the disk is full.

        Args:
            fd: of the lock, which is held.
        """
        os.set_inheritable(fd, False)
        told = json.dumps({"pid": os.getpid()}).encode()
        with suppress(OSError):
            os.pwrite(fd, told, 0)
            os.truncate(fd, len(told))

    def __enter__(self) -> Self:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = read_holder(self._path)
            os.close(self._fd)
            raise AlreadyRunning("this home", f"the daemon of pid {holder} has it") from None
        self.sign(self._fd)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._fd)
