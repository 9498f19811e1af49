"""Processes that are not our children, held by a descriptor: those of a reaper that was lost."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
from typing import Final

# <linux/pidfd.h>: struct pidfd_info of version 0, and the request that fills it.
_INFO: Final = struct.Struct("=QQ11Ii")
_INFO_EXIT: Final = 1 << 3
_GET_INFO: Final = 3 << 30 | _INFO.size << 16 | 0xFF << 8 | 11

_PROCESS_GROUP: Final = 1 << 2  # PIDFD_SIGNAL_PROCESS_GROUP, since Linux 6.9


def exit_status(pidfd: int, pid: int) -> int | None:
    """Return the wait status (wait(2)) of a process that has ended; ``None``: not known (yet)."""
    status = _status_of_zombie(pidfd, pid)
    return _status_of_reaped(pidfd) if status is None else status


def _status_of_zombie(pidfd: int, pid: int) -> int | None:
    """Return what proc_pid_stat(5) tells before somebody has reaped the process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            owner, told = os.fstat(file.fileno()).st_uid, file.read()
        with open(f"/proc/self/fdinfo/{pidfd}", "rb") as file:
            is_same = b"Pid:\t%d\n" % pid in file.read()  # its pid is nobody else's yet
    except OSError:
        return None
    state, *_, status = told[told.rindex(b")") + 2 :].split()[:50]
    may_know = os.geteuid() in (0, owner)  # others are told 0
    return int(status) if is_same and may_know and state == b"Z" else None


def _status_of_reaped(pidfd: int) -> int | None:
    """Return what the kernel tells afterwards, since Linux 6.15."""
    info = bytearray(_INFO.pack(_INFO_EXIT, *[0] * 12, 0))
    try:
        fcntl.ioctl(pidfd, _GET_INFO, info)
    except OSError:
        return None
    mask, *_, status = _INFO.unpack(info)
    return int(status) if mask & _INFO_EXIT else None


def can_tell_exits() -> bool:
    """Return whether the kernel tells how a process has ended that is not our child."""
    pidfd = os.pidfd_open(os.getpid())
    try:
        fcntl.ioctl(pidfd, _GET_INFO, bytearray(_INFO.pack(_INFO_EXIT, *[0] * 12, 0)))
    except OSError:
        return False
    finally:
        os.close(pidfd)
    return _kernel_version() >= (6, 15)


def _kernel_version() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(it for it in minor if it.isdigit()) or 0)


def signal_group(pidfd: int, number: int) -> None:
    """Signal the process group of a process; where the kernel cannot, the process alone.

    Raises:
        ProcessLookupError, PermissionError: as killpg(2).
    """
    try:
        signal.pidfd_send_signal(pidfd, number, None, _PROCESS_GROUP)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        signal.pidfd_send_signal(pidfd, number)
