"""Starting the daemon of a home, if there is none."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from supctl.errors import DaemonFailed, NoDaemon

from .home import Home
from .line import Line
from .reaching import reach

PATIENCE: Final = 30.0
"""Seconds that a daemon may take from its start until it listens."""

_LAST_LINES: Final = 20


def reach_or_start(home: Home) -> Line:
    """Return a line to the daemon, which is started if none runs. However many come at once,
    one is started.

    Raises:
        DaemonFailed: it does not start; tells what it said.
        StorageFailed, InvalidConfig: as :meth:`Home.make`.
    """
    with suppress(NoDaemon):
        return reach(home)
    home.make()
    with _alone(home):
        with suppress(NoDaemon):  # somebody else has started it meanwhile
            return reach(home)
        start(home)
        return reach(home)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Be the only one who starts a daemon here."""
    lock = os.open(home.start_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def start(home: Home) -> int:
    """Start a daemon, and return its pid once it listens. For :func:`reach_or_start`.

    Raises:
        DaemonFailed: it has not come so far; tells what it said.
    """
    ready, tell = os.pipe2(os.O_CLOEXEC)
    try:
        with open(home.log, "ab") as log:
            said_from = log.tell()
            daemon = subprocess.Popen(
                [sys.executable, "-m", "supctl", "daemon", "run", "--ready-fd", str(tell)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[tell],
                start_new_session=True,
                cwd="/",
            )
        os.close(tell)
        tell = -1
        if _says_ready(ready):
            daemon.returncode = 0  # it is nobody's child to wait for: it outlives us
            return daemon.pid
        daemon.kill()
        daemon.wait()
        raise DaemonFailed(_last_words(home, said_from), str(home.log))
    finally:
        os.close(ready)
        if tell >= 0:
            os.close(tell)


def _says_ready(ready: int) -> bool:
    readable, _, _ = select.select([ready], [], [], PATIENCE)
    return bool(readable) and os.read(ready, 1) == b"1"


def _last_words(home: Home, said_from: int) -> str:
    with open(home.log, "rb") as log:
        log.seek(said_from)
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-_LAST_LINES:])
