"""Limits of memory, processors and tasks by control groups, version 2.

The kernel lets a cgroup hand controllers to its children only while it holds no process itself
(the root is exempt), so we step aside, into a leaf, before we use our own cgroup::

    base                    where we were started; hands its controllers down
      supctl-<pid>          the subtree of this process; hands them down too
        daemon              we, the reaper, programs without limits; not below the root
        run-1, run-2, ...   one program with limits each, and all that descends from it

The subtree is made for the first program that has a limit and taken back when the last backend
of this process is left; by the reaper, if we are killed.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from .base import Capabilities, ProcessSpec
from .cgroup_hierarchy import Unusable, check_unshared, is_root, own_processes
from .reaper import cgroups as control

_CPU_PERIOD: Final = 100_000
"""Microseconds; the kernel's default. A quota must not be below 1,000."""

_UNLIMITED: Final = "max"


class Subtree:
    """The cgroups of this process, which all its backends share.

    A process is in one cgroup, so it can step aside only once.

    Attributes:
        path: its directory.
    """

    _current: ClassVar[Subtree | None] = None

    def __init__(self, path: str, prefix: str = "run-") -> None:
        self.path, self._prefix = path, prefix
        self._users = 0
        self._numbers = itertools.count(1)

    @classmethod
    def open(cls, capabilities: Capabilities) -> Subtree:
        """Return the subtree of this process, made if need be; owe it a :meth:`release`.

        Raises:
            Unusable: it cannot be made; nothing is left of it.
        """
        if cls._current is None:
            if capabilities.cgroup is None:
                raise Unusable(capabilities.cgroup_reason)
            ours = partial(own_processes, capabilities.head)
            cls._current = _make(capabilities.cgroup, capabilities.controllers, ours)
        cls._current._users += 1
        return cls._current

    @classmethod
    def take_over(cls, path: str) -> Subtree:
        """Return the subtree of an earlier process, whose work is ours now; owe it a release."""
        cls._current = cls(path, f"run-{os.getpid()}-")  # theirs are there still
        cls._current._users += 1
        return cls._current

    def release(self) -> None:
        """Use it no more. With its last user it is taken back, as far as it can be."""
        self._users -= 1
        if self._users == 0:
            Subtree._current = None
            control.dissolve(self.path)

    def make_run(self, spec: ProcessSpec, limits: Collection[str]) -> tuple[str, dict[str, str]]:
        """Make a cgroup for one program with those of its limits that are named.

        Returns its directory and, by name, why a limit could not be set.

        Raises:
            Unusable: it cannot be made.
        """
        path = f"{self.path}/{self._prefix}{next(self._numbers)}"
        try:
            Path(path).mkdir()
        except OSError as error:
            raise Unusable(_told(error, path)) from None
        return path, set_limits(path, spec, limits)


def _make(base: str, controllers: Collection[str], ours: Callable[[], Collection[int]]) -> Subtree:
    path = f"{base}/supctl-{os.getpid()}"
    try:
        Path(path).mkdir()
        if not is_root(base):
            Path(path, control.LEAF).mkdir()
            _vacate(base, f"{path}/{control.LEAF}", ours)
    except (OSError, Unusable) as error:
        control.dissolve(path)
        raise Unusable(_told(error, path)) from None
    for name in controllers:  # what the kernel refuses shows when the limit is set
        control.write(base, "cgroup.subtree_control", f"+{name}")
        control.write(path, "cgroup.subtree_control", f"+{name}")
    return Subtree(path)


def _vacate(base: str, leaf: str, ours: Callable[[], Collection[int]]) -> None:
    """Move all processes of ``base``, which must be ours, into ``leaf``."""
    while pids := control.members(base):
        check_unshared(base, ours)
        for pid in pids:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                control.put(leaf, "cgroup.procs", pid)


def set_limits(cgroup: str, spec: ProcessSpec, limits: Collection[str]) -> dict[str, str]:
    """Write those limits of ``spec`` that are named, also that there is none; return, by name, why
    one could not be set.

    A limit of memory means memory: with it nothing of the program is swapped out, or the limit
    would bind on some machines and only slow down on others. Beyond it the kernel kills the
    whole program at once, not one process of it that it picks.
    """
    failed: dict[str, str] = {}
    for name in limits:
        file, text = _control_of(name, spec)
        try:
            control.put(cgroup, file, text)
        except OSError as error:
            failed[name] = _told(error, f"{cgroup}/{file}")
    if "memory" in limits:
        no_swap = "0" if spec.memory is not None else _UNLIMITED
        control.write(cgroup, "memory.swap.max", no_swap)  # not there without swap accounting
        control.write(cgroup, "memory.oom.group", "1")  # since Linux 4.19
    return failed


def _control_of(limit: str, spec: ProcessSpec) -> tuple[str, str]:
    """Return the control file of a limit, and what to write to it."""
    value = getattr(spec, limit)
    if value is None:
        return f"{limit}.max", _UNLIMITED
    return f"{limit}.max", cpu_max(value) if limit == "cpu" else str(value)


def cpu_max(processors: float) -> str:
    """Return quota and period in microseconds, as ``cpu.max`` wants them."""
    # Less than a hundredth of a processor needs a longer period: the least quota is 1,000.
    period = _CPU_PERIOD if processors >= 0.01 else 10 * _CPU_PERIOD
    return f"{round(processors * period)} {period}"


def _told(error: Exception, path: str) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or path}: {os.strerror(error.errno or 0)}"
    return str(error)
