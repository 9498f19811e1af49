"""End the apps of a reaper that is gone: they run on, and nobody holds them but us.

They are not our children, so their exit status is lost; what we have is a pidfd of each main
process and the mark that all its descendants carry.
"""

from __future__ import annotations

import os
import signal

import trio

from .reaper import marks


async def end_orphans(mark: int, stop_signal: int, grace: float) -> None:
    """Ask all that carries ``mark`` to stop; kill what is left after ``grace`` seconds.

    Returns when none of it lives. Cancelling leaves alive what is alive.
    """
    with trio.move_on_after(grace):
        if not await _signal_and_wait(mark, stop_signal):
            return
        while await _signal_and_wait(mark, None):
            pass
        return
    while await _signal_and_wait(mark, signal.SIGKILL):
        pass


async def _signal_and_wait(mark: int, number: int | None) -> bool:
    """Signal all carriers of ``mark``, wait for the end of one; return whether there was any."""
    pids = marks.marked({mark}).get(mark, [])
    if not pids:
        return False
    if number is not None:
        for pid in pids:
            marks.signal_if(pid, number, lambda pid: marks.mark_of(pid) == mark)
    await _wait_end(pids[0])
    return True


async def _wait_end(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await trio.lowlevel.wait_readable(fd)
        # It is our child if we are PID 1 or a subreaper, and then nobody else reaps it.
        os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        pass
    finally:
        os.close(fd)
