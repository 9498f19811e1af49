"""One daemon for each home."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from supctl.control.reaching import read_holder
from supctl.errors import AlreadyRunning


class DaemonLock:
    """Held as long as the daemon lives; the kernel lets go of it when that dies, however it does.

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

    def __enter__(self) -> Self:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = read_holder(self._path)
            os.close(self._fd)
            raise AlreadyRunning("this home", f"the daemon of pid {holder} has it") from None
        os.truncate(self._fd, 0)
        os.write(self._fd, json.dumps({"pid": os.getpid()}).encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._fd)
