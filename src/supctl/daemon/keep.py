"""From the command that runs a daemon to the reaper that stands above all daemons."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import NoReturn

from supctl.backends.reaper.program import Program
from supctl.backends.reaper_link import Heirs
from supctl.backends.reaper_program import OWN_DESCRIPTOR_LIMIT
from supctl.control.home import Home
from supctl.errors import StorageFailed

from .code import PACKAGE, drop_others, keep_code, own_program, program_at
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
        program = _kept_program(home)
        orders = asdict(heirs_of(program, lock.fileno())) | {
            "first": [] if ready_fd is None else ["--ready-fd", str(ready_fd)],
            "first_fds": [] if ready_fd is None else [ready_fd],
        }
        os.set_inheritable(lock.fileno(), True)
        limit = str(OWN_DESCRIPTOR_LIMIT)
        os.execv(program.reaper[0], [*program.reaper, json.dumps(orders), limit])


def heirs_of(program: Program, lock: int) -> Heirs:
    """Return how daemons are started.

    Args:
        program: what starts them.
        lock: descriptor of the lock of their home.
    """
    return Heirs(program, ["--lock", str(lock)], [lock])


def _kept_program(home: Home) -> Program:
    """Return a program that an upgrade does not touch; the installed one if there can be none."""
    try:
        root = keep_code(PACKAGE, home.code)
    except StorageFailed:  # a full disk is no reason to run nothing
        return own_program()
    drop_others(home.code, kept=root)
    return program_at(root)
