"""The reaper's program: what it is told when it begins."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys

from .launch import become_subreaper
from .line import DaemonLine
from .reaper import Reaper
from .rebirth import remember
from .succession import HANDED_ON, Orders, Succession


def main() -> None:
    """Run as one of

    - ``reaper LINK NOFILE``: end with whoever is at the other end of the link,
    - ``reaper ORDERS NOFILE``: start daemons,
    - ``reaper resume MEMORY NOFILE [WHY]``: go on as the reaper before us in this process,
    - ``reaper check``: nothing; it can be loaded.

    LINK and MEMORY are descriptors; ORDERS the fields of :class:`~.succession.Orders` as JSON;
    NOFILE the descriptor limit of the programs; WHY what kept another reaper from beginning.
    """
    if sys.argv[1:] == ["check"]:
        return
    become_subreaper()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.exit(_begin(sys.argv[1:]).run())


def _begin(arguments: list[str]) -> Reaper:
    match arguments:
        case ["resume", file, _, *why]:
            _ignore_signals()
            memory = remember(int(file), why[0] if why else None)
            return Reaper.reborn(memory)
        case [link, limit] if link.isdigit():
            _ignore_signals(*HANDED_ON)
            return Reaper(_line_at(int(link)), None, int(limit))
        case [told, limit]:
            _ignore_signals()
            orders = Orders.of(json.loads(told))
            line = None
            if orders.link is not None:
                line = _line_at(orders.link)
                for fd in (orders.pidfd, *orders.fds):
                    os.set_inheritable(fd, False)
            return Reaper(line, Succession(orders), int(limit))
    raise SystemExit(f"{arguments} are no arguments of a reaper")


def _line_at(link: int) -> DaemonLine:
    os.set_inheritable(link, False)
    return DaemonLine(socket.socket(fileno=link))


def _ignore_signals(*more: signal.Signals) -> None:
    """Leave only SIGKILL and the loss of the daemon as our end; and what is for the daemon.

    Whoever wants a tree to end asks the daemon; a reaper that went first would take away the
    one who ends it in order.
    """
    for number in (
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGTSTP,
        signal.SIGPIPE,
        *more,
    ):
        signal.signal(number, signal.SIG_IGN)
