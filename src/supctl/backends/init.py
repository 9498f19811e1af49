"""Being PID 1 of a container: a small process in front that reaps strangers and passes signals on.

The kernel gives PID 1 every process that has lost its parent. Whoever reaps all there is would
take away the children of code that runs in the same process, so this is a process of its own.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Final

INIT: Final = 1
"""The pid of the first process of a container."""

_LINGER: Final = 60.0
"""Seconds for the reaper to end all apps in order when supctl itself was killed."""

_FROM_TERMINAL: Final = 128
"""SI_KERNEL of sigaction(2): a terminal has sent it to the whole process group, to us both."""

_NOT_TO_PASS_ON: Final = frozenset({signal.SIGCHLD, signal.SIGTTIN, signal.SIGTTOU})


def stand_behind_init() -> bool:
    """Go on in a child if this is PID 1, which stays in front; return whether it was.

    PID 1 ends when the child has, as that did: with its exit code, or 128 and the number of the
    signal. Call this before there are threads, event loops or other children.
    """
    if os.getpid() != INIT:
        return False
    blocked = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    child = os.fork()
    if child:
        os._exit(_be_init(child, blocked))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return True


def _be_init(child: int, signals: set[signal.Signals]) -> int:
    """Reap and pass on until ``child`` has ended; return the exit code."""
    while (status := _reap_all().get(child)) is None:
        info = signal.sigwaitinfo(signals)
        from_terminal = info.si_code == _FROM_TERMINAL
        if info.si_signo not in _NOT_TO_PASS_ON and not from_terminal:
            os.kill(child, info.si_signo)  # not reaped yet, so it is still this child
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _let_the_reaper_finish()
    return code if code >= 0 else 128 - code


def _reap_all() -> dict[int, int]:
    """Reap all who have ended; return their wait statuses by pid."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended[pid] = status


def _let_the_reaper_finish() -> None:
    """Wait until nobody is left whom we could reap. When we end, the kernel kills all."""
    deadline = time.monotonic() + _LINGER
    while (left := deadline - time.monotonic()) > 0:
        _reap_all()
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        signal.sigtimedwait({signal.SIGCHLD}, left)
