"""The runs a reaper holds: which processes belong to each, and what is left of them."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from . import cgroups, foreign, marks
from .protocol import Kept, Terms

_READ_SIZE: Final = 256 * 1024


@dataclass(slots=True)
class Run:
    """One program that was started, from its spawn until nothing of its tree lives.

    ``pid`` is ours to signal while ``alive``: it is our child and we have not reaped it.
    """

    number: int
    pid: int
    terms: Terms
    started_at: float
    descriptors: dict[str, int]
    """Duplicates of the read ends, so that an app never writes to a pipe without a reader; and
    the socket at which it tells how it is."""
    alive: bool = True
    status: dict[str, Any] | None = None
    """How the main process has ended."""
    is_child: bool = True
    """Whether it is a child of ours; else another reaper has started it, who was lost."""
    is_ours: bool = True
    """Whether the present daemon knows it."""
    is_forgotten: bool = False
    """Whether a daemon has taken note of its end."""
    killing: bool = False
    survivors: tuple[int, ...] = ()
    """Descendants that outlive the main process, as last seen."""
    extra_marks: set[int] = field(default_factory=set)
    """Marks that its descendants gave to *their* children: a supctl below this one."""
    kill_at: float | None = None
    """When it is killed, once it was asked to end because the daemon is gone."""

    @classmethod
    def taken(cls, number: int, kept: Kept, descriptors: dict[str, int]) -> Run:
        """Return a run that another reaper has started. Raises TypeError if it cannot be one."""
        run = cls(number, kept.pid, Terms(**kept.terms), kept.started_at, descriptors)
        run.is_child, run.alive, run.status = False, kept.status is None, kept.status
        return run

    @property
    def outputs(self) -> list[int]:
        """The pipes among its descriptors."""
        return [self.descriptors[it] for it in ("stdout", "stderr") if it in self.descriptors]

    def close(self) -> None:
        """Close its descriptors."""
        for fd in self.descriptors.values():
            os.close(fd)
        self.descriptors.clear()

    def as_kept(self, *, gone: bool) -> Kept:
        """Return what a next daemon is told of it."""
        terms, survivors = asdict(self.terms), list(self.survivors)
        return Kept(self.pid, terms, self.started_at, self.status, survivors, gone)


class Runs:
    """All runs, with the look-ups the loop needs."""

    def __init__(self) -> None:
        self._by_number: dict[int, Run] = {}
        self._by_pid: dict[int, Run] = {}
        self._by_mark: dict[int, Run] = {}
        self._ended: dict[int, Run] = {}
        self._gone: dict[int, Run] = {}  # what became of them is still to be told, or noted
        self._disowned: dict[int, Run] = {}
        self._foreign: dict[int, Run] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._by_number.values()))

    @property
    def gone(self) -> list[Run]:
        """Those of which nothing lives, and of whose end no daemon has taken note."""
        return list(self._gone.values())

    @property
    def disowned(self) -> list[Run]:
        """Those of which no daemon is told any more."""
        return list(self._disowned.values())

    @property
    def foreign(self) -> list[Run]:
        """Those that are no children of ours."""
        return list(self._foreign.values())

    @property
    def last_number(self) -> int:
        """The highest number in use."""
        return max([0, *self._by_number, *self._gone])

    def get(self, number: int) -> Run | None:
        """Return the run of that number, ``None`` if it is gone or never was."""
        return self._by_number.get(number)

    def add(self, run: Run) -> None:
        """Hold a run that has just been started, or taken over."""
        self._by_number[run.number] = run
        self._by_mark[run.terms.mark] = run
        if not run.is_child:
            self._foreign[run.number] = run
        if run.alive:
            self._by_pid[run.pid] = run
        else:
            self._ended[run.number] = run

    def is_main(self, pid: int) -> bool:
        """Return whether ``pid`` is the main process of a run, and not reaped yet."""
        return pid in self._by_pid

    def reaped(self, pid: int) -> Run | None:
        """Return the run whose main process ``pid`` was, and know it as ended."""
        run = self._by_pid.pop(pid, None)
        if run is not None:
            run.alive = False
            self._ended[run.number] = run
        return run

    def ended(self) -> list[Run]:
        """Return the runs whose main process has ended but that are not removed."""
        return list(self._ended.values())

    def remove(self, run: Run) -> None:
        """Know that nothing of a run lives. One that is kept stays among the :attr:`gone`."""
        del self._by_number[run.number]
        del self._by_mark[run.terms.mark]
        for some in (self._ended, self._disowned, self._foreign):
            some.pop(run.number, None)
        run.survivors = ()
        if run.terms.cgroup is not None:
            cgroups.remove(run.terms.cgroup)
        if run.terms.kept and run.is_ours:
            self._gone[run.number] = run
            if run.is_forgotten:
                self.bury()
        else:
            run.close()

    def forget(self, numbers: list[int]) -> None:
        """Know that a daemon has taken note of what became of runs, or does not care."""
        for number in numbers:
            run = self._gone.get(number) or self._by_number.get(number)
            if run is not None:
                run.is_forgotten = True

    def bury(self) -> bool:
        """Let go of those gone runs that are forgotten and whose output was taken; return
        whether there are others, whose output is still to be taken by a daemon."""
        forgotten = [run for run in self._gone.values() if run.is_forgotten]
        for run in forgotten:
            if not any(map(_holds_bytes, run.outputs)):
                del self._gone[run.number]
                run.close()
        return any(run.number in self._gone for run in forgotten)

    def disown(self, run: Run) -> None:
        """Tell no daemon of a run any more."""
        run.is_ours = False
        if run.number in self._by_number:
            self._disowned[run.number] = run
        if self._gone.pop(run.number, None) is not None:
            run.close()

    def drain(self, fd: int) -> None:
        """Empty an output pipe that nobody else reads, and close it at its end."""
        for run in self._disowned.values():
            for name in ("stdout", "stderr"):
                if run.descriptors.get(name) == fd and drain(fd):
                    os.close(run.descriptors.pop(name))
                    return

    def survivors(self, daemon: int) -> dict[int, list[int]]:
        """Return, by run number, the descendants of runs whose main process has ended.

        ``daemon``: pid of a child of ours that is no part of any run; 0: there is none.

        What outlives its parent becomes our child. So all of it descends from children that we
        have not started, and without any such there is nothing to look for: to know that takes a
        quarter of the time of a look.
        """
        # Of what another reaper has started, survivors are children of somebody else.
        children = None if self._foreign else marks.own_children()
        if children is not None and children - {daemon} <= self._by_pid.keys():
            return {}
        wanted: dict[int, Run] = {}
        for run in self._ended.values():
            wanted[run.terms.mark] = run
            wanted.update(dict.fromkeys(run.extra_marks, run))
        found: dict[int, list[int]] = {}
        for mark, pids in marks.marked(wanted, skip=self._by_pid).items():
            found.setdefault(wanted[mark].number, []).extend(pids)
        return found

    def signal(self, run: Run, number: int) -> None:
        """Signal the process group, or all survivors when its leader is gone."""
        if run.alive:
            # The group, not the pid: a shell's own children would outlive it holding our
            # log pipe, and the reader would wait for an end-of-file that never comes.
            _signal_group(run, number)
        else:
            ours = {run.terms.mark, *run.extra_marks}
            for pid in run.survivors:
                marks.signal_if(pid, number, lambda pid: marks.mark_of(pid) in ours)

    def signal_all(self, run: Run, number: int) -> None:
        """Signal every process of a run, those that have left the group included."""
        if run.alive:
            _signal_group(run, number)  # at once: while we look for the others, it forks no more
        ours = {run.terms.mark, *run.extra_marks}
        for pids in marks.marked(ours).values():
            for pid in pids:
                marks.signal_if(pid, number, lambda pid: marks.mark_of(pid) in ours)

    def kill(self, doomed: list[Run]) -> None:
        """Kill all of ``doomed``, descendants that left the group included.

        One pass over the system's processes serves them all. It is called again after each
        end until nothing is left, so a child born during the pass is found by the next.
        """
        if not doomed:
            return
        for run in doomed:
            if run.terms.cgroup is not None:
                cgroups.write(run.terms.cgroup, "cgroup.kill", "1")
        children = marks.children_by_parent()
        carriers = marks.marked({run.terms.mark for run in doomed})
        for run in doomed:
            self._kill_tree(run, children, carriers.get(run.terms.mark, []))

    def _kill_tree(self, run: Run, children: dict[int, list[int]], carriers: list[int]) -> None:
        roots = [*carriers, *([run.pid] if run.alive else [])]
        members = marks.descendants(children, roots)
        learned = {mark for mark in map(marks.mark_of, members) if marks.is_mark(mark)}
        run.extra_marks |= {mark for mark in learned if mark is not None} - {run.terms.mark}
        ours = {run.terms.mark, *run.extra_marks}

        def still_ours(pid: int) -> bool:
            return marks.mark_of(pid) in ours or marks.parent_of(pid) in members

        if run.alive:
            _signal_group(run, signal.SIGKILL)
        for pid in members:
            if pid != run.pid or run.alive:
                marks.signal_if(pid, signal.SIGKILL, still_ours)


def drain(fd: int) -> bool:
    """Read and drop what is there; return whether that was the end of it."""
    try:
        while data := os.read(fd, _READ_SIZE):
            if len(data) < _READ_SIZE:
                return False
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _holds_bytes(pipe: int) -> bool:
    """Return whether something is in a pipe that nobody has read."""
    (waiting,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(waiting) > 0


def _signal_group(run: Run, number: int) -> None:
    try:
        if run.is_child:
            os.killpg(run.pid, number)
        else:  # its pid may be another's by now
            foreign.signal_group(run.descriptors["pidfd"], number)
    except ProcessLookupError:
        pass  # it has moved itself into another group, or is a zombie we have not reaped yet
    except PermissionError:
        pass  # all of the group has become another user's (setuid); the tree kill finds ours


def status_of(run: Run, wait_status: int, usage: Any) -> dict[str, Any]:
    """Return the fields of an exit status from what wait4(2) told; ``usage`` may be unknown."""
    signaled = os.WIFSIGNALED(wait_status)
    told: dict[str, Any] = {"wall_time": round(time.monotonic() - run.started_at, 6)}
    if usage is not None:
        told["cpu_time"] = round(usage.ru_utime + usage.ru_stime, 6)
        told["peak_memory"] = usage.ru_maxrss * 1024
    if run.terms.cgroup is not None:
        told["peak_of_all"] = cgroups.peak_memory(run.terms.cgroup)
    if not signaled:
        return told | {"code": os.WEXITSTATUS(wait_status)}
    told["signal"] = os.WTERMSIG(wait_status)
    told["core_dumped"] = os.WCOREDUMP(wait_status)
    told["out_of_memory"] = (
        told["signal"] == signal.SIGKILL
        and run.terms.cgroup is not None
        and cgroups.was_out_of_memory(run.terms.cgroup)
    )
    return told
