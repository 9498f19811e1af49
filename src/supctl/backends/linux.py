"""Processes on Linux: what POSIX and the reaper give, plus facts from /proc and cgroups v2."""

from __future__ import annotations

import os
from collections.abc import Callable

from .base import Capabilities, ProcessInfo
from .posix import PosixBackend


def probe() -> Capabilities:
    """Return what this Linux can do. Looks only; changes nothing."""
    return Capabilities(
        system="linux",
        subreaper=True,  # since 3.4
        pidfd=_has_pidfd(),
        cgroup_reason="not probed",
    )


def _has_pidfd() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


class LinuxBackend(PosixBackend):
    """The backend of Linux."""

    def info(self, pid: int) -> ProcessInfo | None:
        import psutil  # 20 ms and 3 MB that only this question costs

        try:
            process = psutil.Process(pid)
            with process.oneshot():
                return ProcessInfo(
                    pid=pid,
                    command=tuple(process.cmdline()),
                    started_at_wall=process.create_time(),
                    memory=process.memory_info().rss,
                    descriptors=_unless_denied(process.num_fds),
                    threads=process.num_threads(),
                    memory_maps=_count_maps(pid),
                    descendants=tuple(child.pid for child in process.children(recursive=True)),
                )
        except psutil.NoSuchProcess:
            return None


def _unless_denied(ask: Callable[[], int]) -> int | None:
    import psutil

    try:
        return ask()
    except psutil.AccessDenied:
        return None


def _count_maps(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return None
