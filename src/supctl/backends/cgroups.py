"""Limits of memory, processors and tasks by control groups, version 2.

The kernel lets a cgroup hand controllers to its children only while it holds no process itself
(the root is exempt), so we step aside, into a leaf, before we use our own cgroup::

    base                    where we were started; hands its controllers down
      supctl-<pid>          the subtree of this process; hands them down too
        daemon              we, the reaper, programs without limits; not below the root
        run-1, run-2, ...   one program with limits each, and all that descends from it

Probing only looks. The subtree is made for the first program that has a limit and taken back
when the last backend of this process is left, by the reaper if we are killed.

Reference: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from .base import ProcessSpec
from .reaper import cgroups as control
from .reaper import marks

_CPU_PERIOD: Final = 100_000
"""Microseconds; the kernel's default. A quota must not be below 1,000."""

_SHARED: Final = "other processes share our cgroup {base}; run in one of your own ({hint})"
_DENIED: Final = "no permission to write {base}; run in a delegated cgroup ({hint})"
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


def probe() -> Hierarchy:
    """Return what cgroups v2 offer to this process. Looks only; changes nothing."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        membership = Path("/proc/self/cgroup").read_text(errors="surrogateescape")
    except OSError as error:
        return Hierarchy(None, frozenset(), f"/proc cannot be read: {error.strerror}")
    return look(mounts, membership, _own_processes)


def look(mounts: str, membership: str, ours: Callable[[], Collection[int]]) -> Hierarchy:
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
        if not _is_root(base) and _strangers(base, ours):
            raise Unusable(_SHARED.format(base=base, hint=_HINT))
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
        if not below.startswith(".."):
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
    return f"{' and '.join(names)} controller{'s' if len(names) > 1 else ''}"


def _check_writable(base: str) -> None:
    """Raise :class:`Unusable` unless we may make cgroups below ``base`` and move into them."""
    needed = (base, f"{base}/cgroup.procs", f"{base}/cgroup.subtree_control")
    if not all(os.access(path, os.W_OK) for path in needed):
        raise Unusable(_DENIED.format(base=base, hint=_HINT))
    if not _is_root(base) and "domain" not in _words(f"{base}/cgroup.type"):
        raise Unusable(f"our cgroup {base} is threaded")


def _is_root(cgroup: str) -> bool:
    # A container's "/" may be any cgroup; the real root is the only one that has no type.
    return not os.path.exists(f"{cgroup}/cgroup.type")


def _words(path: str) -> set[str]:
    try:
        return set(Path(path).read_text().split())
    except OSError:
        return set()


def _own_processes() -> set[int]:
    return marks.descendants(marks.children_by_parent(), [os.getpid()])


def _strangers(cgroup: str, ours: Callable[[], Collection[int]]) -> set[str]:
    """Return the members that are not ours; 0 is one of another pid namespace."""
    before = set(control.members(cgroup))
    foreign = before - {str(pid) for pid in ours()}
    # Who ended before we asked whose it is looks foreign: look whether it is still there.
    return foreign & set(control.members(cgroup)) if foreign else foreign


class Subtree:
    """The cgroups of this process. One at a time for all its backends: a process is in one
    cgroup, so it can step aside only once.

    Attributes:
        path: its directory.
        controllers: those that could be enabled.
    """

    _current: ClassVar[Subtree | None] = None

    def __init__(self, path: str, controllers: frozenset[str]) -> None:
        self.path, self.controllers = path, controllers
        self._users = 0
        self._numbers = itertools.count(1)

    @classmethod
    def open(cls, hierarchy: Hierarchy) -> Subtree:
        """Return the subtree of this process, made if need be; owe it a :meth:`release`.

        Raises:
            Unusable: it cannot be made; nothing is left of it.
        """
        if cls._current is None:
            cls._current = cls._make(hierarchy)
        cls._current._users += 1
        return cls._current

    @classmethod
    def _make(cls, hierarchy: Hierarchy) -> Subtree:
        base = hierarchy.base
        if base is None:
            raise Unusable(hierarchy.reason)
        path = f"{base}/supctl-{os.getpid()}"
        try:
            os.mkdir(path)
            if not _is_root(base):
                os.mkdir(f"{path}/{control.LEAF}")
                _vacate(base, f"{path}/{control.LEAF}")
            return cls(path, _enable_controllers(hierarchy.controllers, base, path))
        except (OSError, Unusable) as error:
            control.dissolve(path)
            raise Unusable(_told(error, path)) from None

    def release(self) -> bool:
        """Use it no more. Returns whether nobody does: then :func:`dissolve` it."""
        self._users -= 1
        if self._users == 0:
            Subtree._current = None
        return self._users == 0

    def make_run(self, spec: ProcessSpec) -> tuple[str, dict[str, str]]:
        """Make a cgroup for one program and set its limits.

        Returns its directory and, by controller, why a limit could not be set.

        Raises:
            Unusable: it cannot be made.
        """
        path = f"{self.path}/run-{next(self._numbers)}"
        try:
            os.mkdir(path)
        except OSError as error:
            raise Unusable(_told(error, path)) from None
        return path, set_limits(path, spec)


def _vacate(base: str, leaf: str) -> None:
    """Move all processes of ``base``, which must be ours, into ``leaf``."""
    while pids := control.members(base):
        if _strangers(base, _own_processes):
            raise Unusable(_SHARED.format(base=base, hint=_HINT))
        for pid in pids:
            try:
                Path(leaf, "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                pass  # it has ended meanwhile


def _enable_controllers(wanted: Collection[str], *cgroups: str) -> frozenset[str]:
    """Enable controllers in all of ``cgroups``, top first; return those that could be."""
    return frozenset(
        name
        for name in wanted
        if all(control.write(cgroup, "cgroup.subtree_control", f"+{name}") for cgroup in cgroups)
    )


def set_limits(cgroup: str, spec: ProcessSpec) -> dict[str, str]:
    """Write the limits of ``spec``; return, by controller, why one could not be set.

    A limit of memory means memory: with it nothing of the program is swapped out, or the limit
    would bind on some machines and be slow instead on others. Beyond it the kernel kills the
    whole program at once, not one process of it that it picks.
    """
    failed: dict[str, str] = {}
    for name, (file, text) in _limit_files(spec).items():
        try:
            with open(f"{cgroup}/{file}", "r+") as limit:  # never create it, as "w" could
                limit.write(text)
        except OSError as error:
            failed[name] = _told(error, f"{cgroup}/{file}")
    if spec.memory is not None:
        control.write(cgroup, "memory.swap.max", "0")  # not there without swap accounting
        control.write(cgroup, "memory.oom.group", "1")  # since Linux 4.19
    return failed


def _limit_files(spec: ProcessSpec) -> dict[str, tuple[str, str]]:
    files: dict[str, tuple[str, str]] = {}
    if spec.memory is not None:
        files["memory"] = ("memory.max", str(spec.memory))
    if spec.cpu is not None:
        files["cpu"] = ("cpu.max", cpu_max(spec.cpu))
    if spec.pids is not None:
        files["pids"] = ("pids.max", str(spec.pids))
    return files


def cpu_max(processors: float) -> str:
    """Return quota and period in microseconds, as ``cpu.max`` wants them."""
    # Less than a hundredth of a processor needs a longer period: the least quota is 1,000.
    period = _CPU_PERIOD if processors >= 0.01 else 10 * _CPU_PERIOD
    return f"{round(processors * period)} {period}"


def _told(error: Exception, path: str) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or path}: {os.strerror(error.errno or 0)}"
    return str(error)
