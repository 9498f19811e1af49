"""Processes on Linux: what POSIX and the reaper give, plus facts from /proc and cgroups v2."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from types import TracebackType

from . import cgroup_hierarchy
from .base import Capabilities, ProcessInfo, ProcessSpec, Usage
from .cgroup_hierarchy import Unusable
from .cgroups import Subtree, set_limits
from .posix import PosixBackend
from .reaper import marks
from .reaper_link import ReaperLink
from .usage import usage_of


def probe(head: int = 0) -> Capabilities:
    """Return what this Linux can do, ``head`` being that of :class:`Capabilities`. Looks only;
    changes nothing."""
    hierarchy = cgroup_hierarchy.probe(head)
    return Capabilities(
        system="linux",
        subreaper=True,  # since 3.4
        pidfd=_has_pidfd(),
        cgroup=hierarchy.base,
        controllers=hierarchy.controllers,
        cgroup_reason=hierarchy.reason,
        head=head,
    )


def _has_pidfd() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


class LinuxBackend(PosixBackend):
    """The backend of Linux: with limits, where cgroups v2 can be had."""

    _subtree: Subtree | str | None = None
    """Ours, once a program needed it; or why it could not be made, which is tried once only."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        try:
            return await super().__aexit__(kind, error, traceback)
        finally:
            if isinstance(self._subtree, Subtree):
                self._subtree.release()

    async def _end_all(self) -> None:
        await super()._end_all()
        if isinstance(self._subtree, Subtree):
            self._link.send("subtree", None)  # other backends of ours may use it on

    def _start_reaper(self) -> ReaperLink:
        link = super()._start_reaper()
        if isinstance(self._subtree, Subtree):
            link.send("subtree", self._subtree.path)
        return link

    def _use_subtree(self, path: str | None) -> None:
        if path is not None:
            self._subtree = Subtree.take_over(path)

    def prepare_limits(self, spec: ProcessSpec) -> tuple[str | None, tuple[str, ...]]:
        """Make a cgroup with the limits of ``spec``, and return phrases for what it lacks."""
        wanted = spec.limits()
        possible = wanted.keys() & self.capabilities.controllers
        failed = dict.fromkeys(wanted.keys() - possible, self.capabilities.cgroup_reason)
        cgroup = None
        if possible:
            try:
                cgroup, refused = self._open_subtree().make_run(spec, possible)
                failed |= refused
            except Unusable as why:
                failed |= dict.fromkeys(possible, str(why))
        return cgroup, _unenforced(spec, failed)

    def change_limits(self, cgroup: str | None, spec: ProcessSpec) -> tuple[str, ...]:
        controllers = self.capabilities.controllers
        if cgroup is None:
            why = "it was started without limits" if controllers else ""
            return _unenforced(spec, dict.fromkeys(spec.limits(), why or self._reason))
        failed = dict.fromkeys(spec.limits().keys() - controllers, self._reason)
        return _unenforced(spec, failed | set_limits(cgroup, spec, controllers))

    @property
    def _reason(self) -> str:
        return self.capabilities.cgroup_reason

    def _open_subtree(self) -> Subtree:
        if self._subtree is None:
            try:
                self._subtree = Subtree.open(self.capabilities)
                self._link.send("subtree", self._subtree.path)
            except Unusable as why:
                self._subtree = str(why)
        if isinstance(self._subtree, str):
            raise Unusable(self._subtree)
        return self._subtree

    def info(self, pids: Collection[int]) -> dict[int, ProcessInfo]:
        found: dict[int, ProcessInfo] = {}
        for pid, tree in self._trees(pids).items():
            facts = _facts(pid, tuple(sorted(member for member in tree if member != pid)))
            if facts is not None:
                found[pid] = facts
        return found

    def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        return {pid: usage_of(tree) for pid, tree in self._trees(pids).items() if tree}

    def _trees(self, pids: Collection[int]) -> dict[int, list[int]]:
        """Return all processes of the trees of those main processes, these too while they live."""
        mark_of = {run.pid: run.terms.mark for run in list(self._runs.values())}
        carriers = marks.marked({mark_of[pid] for pid in pids if pid in mark_of})
        return {pid: carriers.get(mark_of.get(pid, 0), []) for pid in pids}


def _unenforced(spec: ProcessSpec, failed: Mapping[str, str]) -> tuple[str, ...]:
    """Return phrases for those limits of ``spec`` that have failed, each for its reason."""
    limits = spec.limits().items()
    return tuple(
        f"{phrase} is not enforced: {failed[name]}" for name, phrase in limits if name in failed
    )


def _facts(pid: int, descendants: tuple[int, ...]) -> ProcessInfo | None:
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
                descendants=descendants,
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
