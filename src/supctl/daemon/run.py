"""The daemon's program."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import closing
from functools import partial
from typing import Final

import trio

from supctl.backends.base import Backend
from supctl.backends.platform import open_backend
from supctl.backends.reaper_program import raise_descriptor_limit
from supctl.control.home import Home
from supctl.events import Event
from supctl.journal.journal import Journal
from supctl.specs import Supervisor
from supctl.supervision.eventlog import because_of
from supctl.supervision.opening import open_tree
from supctl.supervision.tree import Tree

from .admission import Admission, read_admission
from .announce import Announcer
from .chronicle import Chronicle
from .code import own_program
from .crash import ending_at_once
from .desired import DesiredFile
from .histories import Histories
from .keep import heirs_of
from .keeper import Keeper
from .last_words import LastWords
from .lines import Lines
from .listener import Listener
from .lock import DaemonLock
from .logbook import open_logbook
from .logs import Logs
from .office import Office
from .projects import Projects
from .server import ControlServer
from .strays import Strays
from .survival import Survival

_log = logging.getLogger("supctl.daemon")

_BACK_BY: Final = 5.0
"""Seconds after which questions are answered though not all that ran has been taken over: its
project does not come back, or is stuck."""

_LAST_ANSWERS: Final = 5.0
"""Seconds for the answers to commands under way when everything has ended."""


def run_daemon(home: Home, link: int, lock: int, ready_fd: int | None = None) -> None:
    """Run the daemon of ``home`` until it is asked to end, or by SIGTERM or SIGINT.

    Args:
        link: descriptor of the link to the reaper that has started us.
        lock: that of the lock of the home.
        ready_fd: is written ``1`` and closed once it listens.

    Raises:
        StorageFailed, InvalidConfig: its directories, or what should run, cannot be used.
    """
    home.make()
    raise_descriptor_limit()
    DaemonLock.sign(lock)
    os.set_inheritable(link, False)
    with open_logbook(sys.stderr.fileno()), closing(Journal.at(home.journal)) as journal:
        trio.run(_run, home, link, lock, journal, ready_fd)


async def _run(home: Home, link: int, lock: int, journal: Journal, ready_fd: int | None) -> None:
    announcer = Announcer(ready_fd)
    admission = read_admission(home.settings)
    file = DesiredFile(home.desired)
    keeper = Keeper(file, file.load())
    root = Supervisor("daemon", max_restarts=None, start="concurrent", start_failures="retry")
    lines = Lines()
    stopped = keeper.desired.stopped
    histories = Histories(home.histories, keeper.desired.projects)
    await histories.save()
    backend = open_backend(link=link, heirs=heirs_of(own_program(), lock))
    chronicle = Chronicle(journal, backend.note)
    survival, strays = Survival(backend, histories, stopped), Strays(home.origins)

    def hear(event: Event) -> None:
        chronicle.hear(event)
        survival.hear(event)

    async with open_tree(
        root,
        log_directory=home.logs,
        tap=lines,
        backend=backend,
        on_event=hear,
        parked=stopped,
        watch=survival,
        claim=survival.claim,
        events_after=journal.last_seq,
        private=[str(it) for it in (home.run, home.state, home.logs)],
        is_forest=True,
    ) as tree:
        with ending_at_once(home.crash):
            listener = await _take_over(home, tree, survival, strays, chronicle, admission, backend)
        with closing(listener), ending_at_once(home.crash):
            async with trio.open_nursery() as nursery:
                office = Office(tree, home, lines, backend, keeper, journal, nursery)
                nursery.start_soon(_heed_signals, tree)
                nursery.start_soon(histories.keep)
                nursery.start_soon(strays.keep)
                nursery.start_soon(chronicle.tend, LastWords(tree))
                began = chronicle.begin(tree, survival.passing)
                await _come_back(office, survival, began, nursery)
                if survival.was_ending:
                    with because_of(began):
                        tree.stop()
                nursery.start_soon(office.followers.run)
                server = ControlServer(listener, partial(office.serve, admission), strays.ended)
                nursery.start_soon(server.serve)
                _log.info("daemon %d listens at %s", os.getpid(), home.socket)
                announcer.ready()
                backend.serves()
                await tree.ended.wait()
                chronicle.end(tree)
                announcer.stopping()
                await histories.save()
                with trio.move_on_after(_LAST_ANSWERS):
                    await office.audit.idle()
                nursery.cancel_scope.cancel()
        _log.info("daemon %d ends", os.getpid())


async def _take_over(
    home: Home,
    tree: Tree,
    survival: Survival,
    strays: Strays,
    chronicle: Chronicle,
    admission: Admission,
    backend: Backend,
) -> Listener:
    """Take over from the daemon before, if there was one; return a listener at its socket."""
    estate = survival.take_over(tree)
    chronicle.recover(estate.notes)
    if estate.is_empty or not estate.passing.complete:
        await strays.end([it.terms.mark for it in estate.survivors.values()])
    await strays.remember(backend.origin, alone=estate.is_empty)

    def hold(fd: int, file: str) -> None:
        backend.hold("socket", fd)
        backend.note("socket", file)

    fd = estate.descriptors.pop("socket", None)
    held = None if fd is None else (fd, estate.notes.get("socket", ""))
    return Listener(home, admission, hold, held)


async def _come_back(office: Office, survival: Survival, why: Event, nursery: trio.Nursery) -> None:
    """Have everything start that should run; return when all that ran is in the tree again."""
    with because_of(why):
        nursery.start_soon(survival.end_stopping)
        nursery.start_soon(_resurrect, office.projects, survival)
    nursery.start_soon(_note_outputs, office.logs, survival)
    with trio.move_on_after(_BACK_BY):
        await survival.is_complete.wait()


async def _resurrect(projects: Projects, survival: Survival) -> None:
    """Start what should run, and end what runs and should not."""
    outcomes = await projects.resurrect()
    survival.is_complete.set()
    lost = {it["address"].strip("/") for it in outcomes if it["error"] is not None}
    ended = await survival.end_rest(lost)
    if ended:
        _log.warning("ended what should not run any more: %s", ", ".join(ended))


async def _note_outputs(logs: Logs, survival: Survival) -> None:
    """Note where output goes; before all is back, much of it would seem to be gone."""
    await survival.is_complete.wait()
    await logs.keep()


async def _heed_signals(tree: Tree) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for _ in received:
            tree.stop()
