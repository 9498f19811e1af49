"""Find out what cgroups v2 offer to this process. Looks only; changes nothing.

Reference: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from .reaper import cgroups as control
from .reaper import marks

_HINT: Final = "systemd-run --user --scope -p Delegate=yes ..."


class Unusable(Exception):
    """Cgroups cannot be used here; the message is a phrase that says why."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """What cgroups v2 offer to this process.

    Args:
        base: our own cgroup, a directory below which we may make others, or ``None``.
        controllers: those of memory, cpu and pids that can be enforced there.
        reason: why ``base`` or a controller is missing, a phrase; else empty.
    """

    base: str | None
    controllers: frozenset[str]
    reason: str


def probe(head: int = 0) -> Hierarchy:
    """Return what cgroups v2 offer to this process. Looks only; changes nothing.

    Args:
        head: that of :class:`.base.Capabilities`.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        membership = Path("/proc/self/cgroup").read_text(errors="surrogateescape")
    except OSError as error:
        return Hierarchy(None, frozenset(), f"/proc cannot be read: {error.strerror}")
    return look(mounts, membership, partial(own_processes, head))


def own_processes(head: int = 0) -> set[int]:
    """Return the pids of ``head``, this process if that is 0, and of all its descendants."""
    return marks.descendants(marks.children_by_parent(), [head or os.getpid()])


def look(
    mounts: str, membership: str, ours: Callable[[], Collection[int]] = own_processes
) -> Hierarchy:
    """Return what cgroups v2 offer to the process whose files in /proc are given.

    Args:
        mounts: text of ``/proc/self/mountinfo``.
        membership: text of ``/proc/self/cgroup``.
        ours: returns the pids of the process and its descendants.
    """
    missing = frozenset(control.CONTROLLERS)
    try:
        base = _own_cgroup(list(_mounts(mounts)), membership)
        found = missing & _words(f"{base}/cgroup.controllers")
        missing -= found
        if not found:
            raise Unusable(_why_missing(missing, mounts, base))
        _check_writable(base)
        if not is_root(base):
            check_unshared(base, ours)
    except Unusable as why:
        return Hierarchy(None, frozenset(), str(why))
    return Hierarchy(base, found, _why_missing(missing, mounts, base) if missing else "")


@dataclass(frozen=True, slots=True)
class _Mount:
    """One line of proc_pid_mountinfo(5): which part of which hierarchy is seen where."""

    kind: str
    root: str
    point: str
    writable: bool
    options: frozenset[str]


def _mounts(text: str) -> Iterator[_Mount]:
    for line in text.splitlines():
        own, _, filesystem = line.partition(" - ")
        _, _, _, root, point, own_options, *_ = own.split(" ")
        kind, _, options = filesystem.split(" ")
        if kind in ("cgroup", "cgroup2"):
            both = own_options.split(",") + options.split(",")
            yield _Mount(kind, _unescape(root), _unescape(point), "ro" not in both, frozenset(both))


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), path)


def _own_cgroup(mounts: list[_Mount], membership: str) -> str:
    """Return the directory of our cgroup. Raises :class:`Unusable`."""
    path = next((line[3:] for line in membership.splitlines() if line.startswith("0::")), None)
    unified = [mount for mount in mounts if mount.kind == "cgroup2"]
    if path is None or not unified:
        controllers = {name for mount in mounts for name in mount.options} & {*control.CONTROLLERS}
        raise Unusable(_v1_only(controllers) if controllers else "cgroup v2 is not mounted")
    for mount in sorted(unified, key=lambda mount: mount.writable, reverse=True):
        below = os.path.relpath(path, mount.root)
        if not (below.startswith("..") or path.startswith("/..")):  # "/..": of an outer namespace
            if not mount.writable:
                raise Unusable("cgroup v2 is mounted read-only")
            return os.path.normpath(f"{mount.point}/{below}")
    raise Unusable(f"our cgroup {path} is outside of what is mounted at {unified[0].point}")


def _why_missing(missing: Collection[str], mounts: str, base: str) -> str:
    """Return why ``base`` lacks the controllers ``missing``."""
    v1 = {option for mount in _mounts(mounts) if mount.kind == "cgroup" for option in mount.options}
    reasons = [_v1_only(v1 & {*missing})] if v1 & {*missing} else []
    if withheld := {*missing} - v1:
        reasons.append(f"{base} is not given the {_listed(withheld)}")
    return " and ".join(reasons)


def _v1_only(controllers: Collection[str]) -> str:
    return f"this system mounts the {_listed(controllers)} in cgroup v1 only"


def _listed(controllers: Collection[str]) -> str:
    names = [name for name in control.CONTROLLERS if name in controllers]
    if len(names) == 1:
        return f"{names[0]} controller"
    return f"{', '.join(names[:-1])} and {names[-1]} controllers"


def _check_writable(base: str) -> None:
    """Raise :class:`Unusable` unless we may make cgroups below ``base`` and move into them."""
    needed = (base, f"{base}/cgroup.procs", f"{base}/cgroup.subtree_control")
    if not all(os.access(path, os.W_OK) for path in needed):
        raise Unusable(f"no permission to write {base}; run in a delegated cgroup ({_HINT})")
    if not is_root(base) and _words(f"{base}/cgroup.type") != {"domain"}:
        raise Unusable(f"our cgroup {base} is threaded")


def is_root(cgroup: str) -> bool:
    """Return whether it is the root of all, which may hold processes and hand on controllers."""
    # A container's "/" may be any cgroup; the real root is the only one that has no type.
    return not Path(cgroup, "cgroup.type").exists()


def _words(path: str) -> set[str]:
    try:
        return set(Path(path).read_text().split())
    except OSError:
        return set()


def check_unshared(cgroup: str, ours: Callable[[], Collection[int]] = own_processes) -> None:
    """Raise :class:`Unusable` if a process is in ``cgroup`` that is none of ``ours``."""
    before = control.members(cgroup)
    foreign = set(before) - {str(pid) for pid in ours()} if before else set()
    # Who ended before we asked whose it is looks foreign: look whether it is still there.
    if foreign and foreign & set(control.members(cgroup)):
        raise Unusable(
            f"other processes share our cgroup {cgroup}; run in one of your own ({_HINT})"
        )
