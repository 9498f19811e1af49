"""End the apps of a reaper that is gone: they run on, and nobody holds them but us, or nobody.

They were not our children, so how they end is lost; what we have is the mark that all
descendants of a run carry, and pidfds once we have found them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress

import trio

from .reaper import marks


async def end_orphans(mark: int, stop_signal: int, grace: float) -> None:
    """Ask all that carries ``mark`` to stop; kill what is left after ``grace`` seconds.

    Returns when none of it lives. Cancelling leaves alive what is alive.
    """
    held: dict[int, int] = {}  # pidfd by pid
    try:
        with trio.move_on_after(grace) as asked:
            await _end(mark, stop_signal, held)
        if asked.cancelled_caught:
            await _end(mark, signal.SIGKILL, held)
    finally:
        for fd in held.values():
            _reap(fd)
            os.close(fd)


def find_strays(origins: Collection[int], held: Collection[int]) -> dict[int, list[int]]:
    """Return pids by mark: of what backends of these origins have started, but for those whose
    marks are ``held``."""
    found: dict[int, list[int]] = {}
    for pid in marks.pids():
        mark = marks.own_mark_of(pid)
        if mark is None or mark in held or marks.nonce_of(mark) not in origins:
            continue
        if not marks.is_zombie(pid):
            found.setdefault(mark, []).append(pid)
    return found


async def _end(mark: int, number: int, held: dict[int, int]) -> None:
    """Signal every carrier of ``mark`` once and return when there is none."""
    signalled: set[int] = set()
    while pids := marks.marked({mark}).get(mark, []):
        for pid in pids:
            if pid not in held:
                try:
                    held[pid] = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
            if pid not in signalled:
                signalled.add(pid)
                for sent in (number, signal.SIGCONT):  # one that was stopped could not even obey
                    marks.signal_if(pid, sent, lambda pid: marks.mark_of(pid) == mark)
        if pids[0] in held:
            await trio.lowlevel.wait_readable(held[pids[0]])
            _reap(held[pids[0]])


def _reap(fd: int) -> None:
    """Reap an ended process that has become our child: we are PID 1, or a subreaper."""
    with suppress(ChildProcessError):  # it is somebody else's, who reaps it
        os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOHANG)
