"""How commands reach the daemon."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from functools import partial

import click

from supctl.control.client import Client
from supctl.control.home import Home
from supctl.control.line import GREETING
from supctl.control.reaching import reach
from supctl.errors import NoDaemon


def reached(*, start: bool = False, greeting: float = GREETING) -> Client:
    """Return the daemon; raises NoDaemon if none runs, unless it is to be started then;
    one that is tells what it had to end first.

    Args:
        greeting: seconds in which one that has taken over has to introduce itself.
    """
    home = Home.of()
    try:
        return Client(reach(home), partial(reach, home, greeting))
    except NoDaemon:
        if not start:
            raise
    from supctl.control.launch import reach_or_start

    client = Client(reach_or_start(home), partial(reach, home))
    if ended := client.daemon.get("ended"):
        pids = ", ".join(map(str, ended))
        told = "daemon and reaper were both lost; what they had left has been ended"
        click.echo(f"supctl: {told}: pid {pids}", err=True)
    return client


def daemon_gone() -> None:
    """Return when no daemon lives: the kernel then lets go of its lock."""
    with suppress(FileNotFoundError):
        lock = os.open(Home.of().lock, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
        finally:
            os.close(lock)
