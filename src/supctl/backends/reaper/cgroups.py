"""Writing to cgroups and taking them back. Making them and setting limits is the daemon's.

The layout is that of :mod:`supctl.backends.cgroups`; the daemon uses these functions too.
"""

from __future__ import annotations

import os
from typing import Final

CONTROLLERS: Final = ("memory", "cpu", "pids")
"""The controllers that we enable, and so disable."""

LEAF: Final = "daemon"
"""The cgroup of daemon, reaper and unlimited programs, below the subtree."""


def put(cgroup: str, name: str, text: str) -> None:
    """Write to a control file, which must be there.

    Raises:
        OSError: there is none, or the kernel refuses.
    """
    fd = os.open(f"{cgroup}/{name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode("ascii"))
    finally:
        os.close(fd)


def write(cgroup: str, name: str, text: str) -> bool:
    """Write to a control file; return whether the kernel took it (older ones lack some files)."""
    try:
        put(cgroup, name, text)
    except OSError:
        return False
    return True


def members(cgroup: str) -> list[str]:
    """Return the pids in ``cgroup`` itself; none if it is not there."""
    try:
        with open(f"{cgroup}/cgroup.procs") as file:
            return file.read().split()
    except OSError:
        return []


def was_out_of_memory(cgroup: str) -> bool:
    """Return whether the kernel killed something of the cgroup at its limit (cgroup v2 guide)."""
    try:
        with open(f"{cgroup}/memory.events") as file:
            return any(line.startswith("oom_kill ") and int(line.split()[1]) for line in file)
    except (OSError, ValueError):
        return False


def peak_memory(cgroup: str) -> int:
    """Return the most memory in bytes that all of a cgroup has had; 0 if that is not told."""
    try:
        with open(f"{cgroup}/memory.peak") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def remove(cgroup: str) -> None:
    """Remove an empty cgroup and those its processes made below it."""
    for folder, _, _ in os.walk(cgroup, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            pass  # something was moved in from outside: not ours to end


def dissolve(subtree: str) -> None:
    """Move what is in the leaf back to where we came from and remove the subtree.

    Does what it can and may be called again. No limited program may live any more: it would
    lose its limits.
    """
    base, leaf = os.path.dirname(subtree), f"{subtree}/{LEAF}"
    _disable_controllers(subtree)
    if os.path.isdir(leaf):  # none below the root, whose controllers serve others too
        _disable_controllers(base)
        _move_members(leaf, base)
    remove(subtree)


def _disable_controllers(cgroup: str) -> None:
    for controller in CONTROLLERS:  # one by one: one that a kernel lacks fails the whole write
        write(cgroup, "cgroup.subtree_control", f"-{controller}")


def _move_members(source: str, target: str) -> None:
    """Move the processes, and those that they fork meanwhile."""
    stuck: list[str] = []
    while (pids := members(source)) != stuck:
        for pid in pids:
            write(target, "cgroup.procs", pid)
        stuck = pids
