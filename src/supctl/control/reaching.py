"""Reaching the daemon of a home, if one runs."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from typing import TYPE_CHECKING, Final

from supctl.errors import ConnectionLost, NoDaemon, PermissionDenied

from .endpoint import connect
from .home import Home
from .line import GREETING, Line

if TYPE_CHECKING:
    from pathlib import Path

_CONNECTING: Final = 10.0
_ABSENT: Final = (FileNotFoundError, ConnectionRefusedError)

_REBINDING: Final = 2.0
"""Seconds in which a daemon that lives binds a socket again that somebody has deleted."""
_LOOKING: Final = 0.02

_ATTEMPTS: Final = 10
_SILENCE: Final = 10.0
"""Daemons that may be lost one after the other; whoever is there, and silent for so many seconds,
is not lost."""


def dial(home: Home) -> socket.socket:
    """Return a socket that is connected to the daemon. Blocks.

    Raises:
        NoDaemon: none listens.
        PermissionDenied: it does not let us in.
        ConnectionLost: it does not take us in.
    """
    deadline = time.monotonic() + _REBINDING
    while True:
        try:
            return connect(home.address, _CONNECTING)
        except _ABSENT:
            holder = living_holder(home.lock)
            if holder is None or time.monotonic() > deadline:
                raise NoDaemon(home.address, holder) from None
        except PermissionError:
            wanted = "its own user, root, or a member of the group that its daemon.toml names"
            raise PermissionDenied("you", f"speak with {home.address}", wanted) from None
        except BlockingIOError:
            late = f"so many ask it that we were not let in within {_CONNECTING:g} s"
            raise ConnectionLost(f"the daemon at {home.address}", late) from None
        except OSError as error:
            raise ConnectionLost(f"the daemon at {home.address}", str(error)) from None
        time.sleep(_LOOKING)


def living_holder(lock: Path) -> int | None:
    """Return the pid of the daemon that holds a lock; None if none does, or we may not look."""
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return read_holder(lock)
    finally:
        os.close(fd)


def read_holder(lock: Path) -> int | None:
    """Return the pid that a lock file tells, if it tells any."""
    import json

    try:
        pid = json.loads(lock.read_text())["pid"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return pid if isinstance(pid, int) else None


class Search:
    """How long a daemon is looked for that says a word: one that is lost before it does is
    followed by another, which is asked instead."""

    def __init__(self) -> None:
        self._left = _ATTEMPTS
        self._began_at = time.monotonic()

    def go_on(self, loss: ConnectionLost) -> None:
        """Return if another one should be dialled now; else raise ``loss``."""
        now = time.monotonic()
        self._left -= 1
        if not self._left or now - self._began_at > _SILENCE:
            raise loss
        self._began_at = now


def reach(home: Home, greeting: float = GREETING) -> Line:
    """Return a line to the daemon, which has so many seconds to introduce itself.

    Raises:
        NoDaemon, PermissionDenied: as :func:`dial`.
        ConnectionLost, ProtocolError: as :class:`Line`.
    """
    search = Search()
    while True:
        try:
            return Line(dial(home), greeting=greeting)
        except ConnectionLost as loss:
            search.go_on(loss)
