"""The daemon's program."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final

import trio

from supctl.backends.reaper_link import raise_descriptor_limit
from supctl.control.home import Home
from supctl.specs import Supervisor
from supctl.supervision.opening import open_tree
from supctl.supervision.tree import Tree

from .admission import read_admission
from .announce import Announcer
from .audit import Audit
from .calls import Calls
from .control import Control
from .desired import DesiredFile
from .details import Details
from .errands import Errands
from .health import HealthViews
from .histories import Histories
from .keeper import Keeper
from .lines import Lines
from .listener import Listener
from .lock import DaemonLock
from .logbook import open_logbook
from .peer import Peer
from .projects import Projects
from .server import ControlServer
from .service import ControlService
from .views import Views
from .waiting import Waiting

_log = logging.getLogger("supctl.daemon")

CHANGING = (
    *("add", "update", "scale", "start", "stop", "restart", "delete", "signal", "pause"),
    *("resume", "reset", "call", "env", "save", "resurrect", "shutdown"),
)
LOOKING = (
    *("ping", "projects", "about", "status", "health", "describe", "inspect", "wait"),
    *("events", "outputs", "lines"),
)
"""Methods of the control protocol (docs/protocol.md), those that change something or may
show a secret, and the rest."""

_LAST_ANSWERS: Final = 5.0
"""Seconds for the answers to commands under way when everything has ended."""


def run_daemon(home: Home, ready_fd: int | None = None) -> None:
    """Run the daemon of ``home`` until it is asked to end, or by SIGTERM or SIGINT.

    Args:
        ready_fd: is written ``1`` and closed once it listens.

    Raises:
        AlreadyRunning: there is one.
        StorageFailed, InvalidConfig: its directories, or what should run, cannot be used.
    """
    home.make()
    raise_descriptor_limit()
    with DaemonLock(home.lock), open_logbook(sys.stderr.fileno()):
        trio.run(_run, home, ready_fd)


async def _run(home: Home, ready_fd: int | None) -> None:
    announcer = Announcer(ready_fd)
    admission = read_admission(home.settings)
    file = DesiredFile(home.desired)
    keeper = Keeper(file, file.load())
    root = Supervisor("daemon", max_restarts=None, start="concurrent", start_failures="retry")
    lines = Lines()
    stopped = keeper.desired.stopped
    histories = Histories(home.histories, keeper.desired.projects)
    await histories.save()
    async with open_tree(
        root, log_directory=home.logs, tap=lines, parked=stopped, watch=histories
    ) as tree:
        with closing(Listener(home, admission)) as listener:
            async with trio.open_nursery() as nursery:
                errands, details, audit = Errands(nursery), Details(tree), Audit(home.audit)
                projects = Projects(tree, keeper, errands)
                changing = _methods(
                    CHANGING, projects, Control(tree, keeper, errands), Calls(tree), details
                )
                looking = _methods(
                    *(LOOKING, projects, Views(tree, home, lines), HealthViews(tree)),
                    *(details, Waiting(tree)),
                )

                def serve(peer: Peer) -> ControlService:
                    return ControlService(peer, admission.of(peer), changing, looking, audit)

                nursery.start_soon(_heed_signals, tree)
                nursery.start_soon(histories.keep)
                nursery.start_soon(ControlServer(listener, serve).serve)
                _log.info("daemon %d listens at %s", os.getpid(), home.socket)
                announcer.ready()
                await projects.resurrect()
                await tree.ended.wait()
                announcer.stopping()
                await histories.save()
                with trio.move_on_after(_LAST_ANSWERS):
                    await audit.idle()
                nursery.cancel_scope.cancel()
        _log.info("daemon %d ends", os.getpid())


def _methods(names: Sequence[str], *owners: object) -> dict[str, Callable[..., Any]]:
    """Return methods by name, each of the first of ``owners`` that has it."""
    return {
        name: next(getattr(owner, name) for owner in owners if hasattr(owner, name))
        for name in names
    }


async def _heed_signals(tree: Tree) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for _ in received:
            tree.stop()
