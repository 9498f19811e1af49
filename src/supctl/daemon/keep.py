"""From the command that runs a daemon to the reaper that stands above all daemons."""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

from supctl.backends.reaper_program import reaper_command
from supctl.control.home import Home

from .lock import DaemonLock


def keep_daemon(home: Home, ready_fd: int | None = None) -> NoReturn:
    """Become the reaper of ``home``: it starts the daemon, and the next whenever one is lost.

    It hands SIGTERM, SIGINT and SIGHUP on to the daemon, and ends as that ends.

    Args:
        ready_fd: is written ``1`` and closed once the first daemon listens.

    Raises:
        AlreadyRunning: there is one.
        StorageFailed, InvalidConfig: its directories cannot be used.
    """
    home.make()
    with DaemonLock(home.lock) as lock:
        first = [] if ready_fd is None else ["--ready-fd", str(ready_fd)]
        orders = {
            "command": daemon_command(lock.fileno()),
            "first": first,
            "fds": [lock.fileno()],
            "first_fds": [] if ready_fd is None else [ready_fd],
        }
        os.set_inheritable(lock.fileno(), True)
        command = reaper_command(json.dumps(orders))
        os.execv(command[0], command)


def daemon_command(lock: int) -> list[str]:
    """Return the argument vector of a daemon, but for its link to the reaper.

    Args:
        lock: descriptor of the lock of its home.
    """
    return [sys.executable, "-m", "supctl", "daemon", "serve", "--lock", str(lock)]
