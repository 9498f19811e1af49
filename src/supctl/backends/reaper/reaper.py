"""The reaper's loop: one poll, then what happened, in a fixed order.

Obey, then reap, then look for survivors, then tell: a burst of exits shares one look over
``/proc`` (half a millisecond for a thousand processes), and the daemon is woken once, to hear at
once of an end and of what it has left behind. Last, a daemon that was lost gets its successor.
"""

from __future__ import annotations

import os
import select
import signal
import time
from dataclasses import asdict, replace
from typing import Any, Final, Self

from supctl.errors import ProtocolError

from . import cgroups
from .births import Births, tell_run
from .foreign_ends import ForeignEnds
from .legacy import Legacy
from .line import DaemonLine
from .orphans import Orphans
from .program import Program
from .protocol import VERSION, Passing, decode
from .rebirth import Memory, be_reborn
from .runs import Run, Runs, drain, status_of
from .succession import Succession

_LOOK_REST: Final = 1
"""How long the pause after a look over ``/proc`` is, in lengths of that look: in a storm of ends
half of our time goes into looks, and each serves all that have ended meanwhile."""

_BURIAL_REST: Final = 1.0
"""Seconds until it is seen again whether the last output of what has ended was taken. No kernel
tells that; what is not taken at once is that of a log which takes nothing."""

_SIGNALS: Final = signal.valid_signals()


class Reaper:
    """Holds the runs, and speaks with the daemon.

    Args:
        line: to the daemon that has started us.
        succession: starts daemons, the first too. Without it the end of the daemon is the end of
            everything.
        descriptor_limit: as of :class:`~.launch.Launcher`.
    """

    def __init__(
        self, line: DaemonLine | None, succession: Succession | None, descriptor_limit: int
    ) -> None:
        self._line, self._succession = line, succession
        self._is_complete = line is None or succession is None
        """Whether we know all runs; else a daemon that was here before us is to tell them."""
        self._legacy = Legacy()
        self._runs = Runs()
        self._limit, self._births = descriptor_limit, Births(self._runs, descriptor_limit)
        self._is_last = succession is None  # no daemon is to come after the present one
        self._is_ending = False  # none will
        self._subtree: str | None = None  # cgroup of all of ours, to be taken back at the end
        self._doomed: list[Run] = []  # to be killed in this turn of the loop
        self._look_needed = False  # a main process or an orphan of ours has ended
        self._look_not_before = 0.0
        self._burial_at: float | None = None
        self._foreign, self._orphans = ForeignEnds(self._runs), Orphans()
        self._wakeup, wakeup_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup_in, warn_on_full_buffer=False)

    @classmethod
    def reborn(cls, memory: Memory) -> Self:
        """Go on as the reaper before us, who had no daemon just then."""
        reaper = cls(None, memory.succession, memory.limit)
        reaper._is_complete = True
        reaper._subtree = memory.subtree
        reaper._legacy = Legacy(memory.notes, memory.descriptors)
        for run in memory.runs:
            reaper._runs.add(run)
            if not run.is_ours:
                reaper._runs.disown(run)
        reaper._look_needed = True  # at what has ended in between, or was gone before
        return reaper

    def run(self) -> int:
        """Serve until no daemon will come any more and nothing of any run is left; return our
        exit status."""
        self._tell("hello", VERSION, os.getpid(), self._limit)
        while not self._is_over():
            for fd in self._poll():
                if fd == self._wakeup:
                    drain(self._wakeup)
                elif self._line is not None and fd == self._line.fileno():
                    self._receive()
                elif self._succession is not None and fd == self._succession.pidfd:
                    self._succession.ended_elsewhere()
                elif self._foreign.note(fd):
                    self._reap_foreign()
                elif self._orphans.holds(fd):
                    self._look_needed = True
                else:
                    self._runs.drain(fd)
            self._reap()
            self._reap_foreign()
            self._look()
            self._obey_deadlines()
            self._see_to_succession()
            if self._line is not None:
                self._line.flush()
        if self._subtree is not None:
            cgroups.dissolve(self._subtree)
        self._legacy.close()
        return 0 if self._succession is None else self._succession.exit_code

    def _is_over(self) -> bool:
        has_daemon = self._succession is not None and self._succession.pid
        return self._is_ending and not len(self._runs) and not has_daemon

    def _poll(self) -> list[int]:
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        if self._line is not None:
            poll.register(self._line, select.POLLIN | select.POLLOUT * self._line.has_outgoing)
        if self._succession is not None and self._succession.pidfd >= 0:
            poll.register(self._succession.pidfd, select.POLLIN)
        for fd in (*self._foreign.fds(), *self._orphans.fds()):
            poll.register(fd, select.POLLIN)
        for run in self._runs.disowned:
            for fd in run.outputs:
                poll.register(fd, select.POLLIN)
        return [fd for fd, _ in poll.poll(self._patience())]

    def _patience(self) -> float | None:
        """Return the milliseconds until there is something to do unasked, ``None`` if nothing."""
        deadlines = [self._look_not_before] if self._look_needed else []
        deadlines += [run.kill_at for run in self._runs.disowned if run.kill_at is not None]
        if self._burial_at is not None:
            deadlines.append(self._burial_at)
        deadlines += self._foreign.due()
        if (heir := self._succession) is not None:
            due = heir.due_at if self._line is None and not self._is_ending else None
            deadlines += [at for at in (due, heir.serve_by) if at is not None]
        if not deadlines:
            return None
        return max(0.0, min(deadlines) - time.monotonic()) * 1000 + 0.5

    # What comes over the line.

    def _receive(self) -> None:
        """Take what has arrived and obey it; its end is the loss of the daemon."""
        assert self._line is not None
        try:
            payloads = self._line.receive()
            if payloads is None:
                self._lose_daemon()
                return
            for payload in payloads:
                self._obey(payload)
        except ProtocolError as error:
            self._tell("refused", str(error))
            self._line.flush()
            self._lose_daemon()

    def _obey(self, payload: bytes | memoryview) -> None:
        """Carry out one message; what makes no sense is refused and harms nothing."""
        assert self._line is not None
        try:
            match decode(payload):
                case ["spawn", int(number), dict(told)]:
                    self._births.spawn(self._line, number, told)
                case ["adopt", int(number), dict(told), int(pid), list(names)]:
                    self._births.adopt(self._line, number, told, pid, names)
                case ["take", int(number), dict(fields), list(names)]:
                    self._births.take(self._line, number, fields, names)
                    self._look_needed = True
                case ["signal", int(number), int(signum)] if signum in _SIGNALS:
                    if run := self._runs.get(number):
                        self._runs.signal(run, signum)
                        self._tell_of(run, "signalled")
                case ["signal_all", int(number), int(signum)] if signum in _SIGNALS:
                    if run := self._runs.get(number):
                        self._runs.signal_all(run, signum)
                        self._tell_of(run, "signalled")
                case ["terms", int(number), int(signum), int() | float() as grace] if (
                    signum in _SIGNALS
                ):
                    if run := self._runs.get(number):
                        run.terms = replace(run.terms, stop_signal=signum, grace=grace)
                case ["kill", int(number)]:
                    if run := self._runs.get(number):
                        run.killing = self._look_needed = True
                        self._doomed.append(run)
                case ["subtree", str() | None as path]:
                    self._subtree = path
                case other:
                    self._obey_for_next(other)
        except ProtocolError as error:
            self._tell("refused", str(error))

    def _obey_for_next(self, message: list[Any]) -> None:
        """Carry out what matters to a next daemon."""
        assert self._line is not None
        match message:
            case ["note", dict(notes), list(numbers)] if {int}.issuperset(map(type, numbers)):
                self._legacy.note(notes)
                if numbers:
                    self._runs.forget(numbers)
                    self._bury()
            case ["hold", str(name)]:
                self._legacy.hold(name, self._line.take_descriptor())
            case ["that_is_all"]:
                self._is_complete = True
            case ["ready"]:
                if self._succession is not None:
                    self._succession.serves()
            case ["bye"]:
                self._is_last = True
            case ["upgrade", dict(program), int() | float() as within] if self._succession:
                self._succession.begin_upgrade(Program.of(program), within)
                self._succession.lose()
            case other:
                raise ProtocolError(repr(other)[:80], "a message of the reaper protocol")

    # What becomes of the runs.

    def _reap(self) -> None:
        """Reap all that has ended and tell of the main processes among it."""
        while True:
            try:
                pid, wait_status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._succession is not None and pid == self._succession.pid:
                self._succession.reaped(wait_status)
                continue
            self._look_needed = True
            run = self._runs.reaped(pid)
            if run is not None:
                run.status = status_of(run, wait_status, usage)
                self._tell_of(run, "exited", run.status)

    def _reap_foreign(self) -> None:
        """Tell how processes have ended that are no children of ours, as far as is known."""
        for run, status in self._foreign.ended():
            self._look_needed = True
            self._runs.reaped(run.pid)
            run.status = {} if status is None else status_of(run, status, None)
            self._tell_of(run, "exited", run.status)

    def _look(self) -> None:
        """Find what the ended have left behind; tell what is gone and what lives on."""
        if self._doomed:
            self._runs.kill(self._doomed)
            self._doomed = []
        begun_at = time.monotonic()
        if not self._look_needed or begun_at < self._look_not_before:
            return
        self._look_needed = False
        ended = self._runs.ended()
        daemon = 0 if self._succession is None else self._succession.pid
        survivors = self._runs.survivors(daemon) if ended else {}
        for run in ended:
            pids = tuple(sorted(survivors.get(run.number, ())))
            if not pids:
                self._runs.remove(run)
                self._tell_of(run, "gone")
            elif pids != run.survivors:
                run.survivors = pids
                self._tell_of(run, "left", list(pids))
                if run.kill_at is not None:
                    self._runs.signal(run, run.terms.stop_signal)
        # At once, not in the next turn: the last end that would wake us may be behind us.
        self._runs.kill([run for run in ended if run.killing and run.number in survivors])
        foreign = [run for run in ended if not run.is_child]
        left = (pid for run in foreign for pid in survivors.get(run.number, ()))
        self._look_needed = not self._orphans.watch(left)
        ended_at = time.monotonic()
        self._look_not_before = ended_at + _LOOK_REST * (ended_at - begun_at)

    def _obey_deadlines(self) -> None:
        """Kill the runs whose grace is over, and bury those that are done with."""
        now = time.monotonic()
        if self._burial_at is not None and self._burial_at <= now:
            self._bury()
        heir = self._succession
        if heir is not None and heir.serve_by is not None and heir.serve_by <= now:
            heir.give_up()
        for run in self._runs.disowned:
            if run.kill_at is not None and run.kill_at <= now:
                run.kill_at, run.killing = None, True
                self._doomed.append(run)
        if self._doomed:
            self._look_needed = True
            self._look()

    def _bury(self) -> None:
        self._burial_at = time.monotonic() + _BURIAL_REST if self._runs.bury() else None

    # From one daemon to the next.

    def _lose_daemon(self) -> None:
        """Keep for the next daemon what is kept, and end the rest."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._is_last:
            self._end()
        elif self._succession is not None:
            self._succession.lose()
        for run in self._runs:
            if not run.terms.kept:
                self._ask_to_end(run)

    def _end(self) -> None:
        """Have every tree end: no daemon will come."""
        if not self._is_ending:
            self._is_ending = True
            for run in [*self._runs, *self._runs.gone]:
                self._ask_to_end(run)

    def _ask_to_end(self, run: Run) -> None:
        """Ask a tree to end, and set the time at which it is killed."""
        if not run.is_ours:
            return
        self._runs.disown(run)
        self._runs.signal(run, run.terms.stop_signal)
        self._runs.signal(run, signal.SIGCONT)  # one that was stopped could not even obey
        run.kill_at = time.monotonic() + run.terms.grace

    def _see_to_succession(self) -> None:
        """Start the next daemon if it is due."""
        heir = self._succession
        if heir is None or heir.due_at is None:
            return
        while self._line is not None and not self._line.is_quiet:
            self._receive()  # its process has ended: all that it has said is heard
        if self._line is not None:  # and somebody else holds its end
            self._lose_daemon()
        if heir.is_hopeless:
            self._end()
        if self._is_ending or time.monotonic() < heir.due_at:
            return
        if heir.reaper_is_due:
            self._be_reborn(heir)
        try:
            self._line = heir.start()
        except OSError:
            return  # it is tried again later
        self._tell("hello", VERSION, os.getpid(), self._limit)
        self._hand_over(heir)

    def _be_reborn(self, heir: Succession) -> None:
        """Become the reaper that the next daemon is to have; without success, stay who we are."""
        heir.reaper_is_due = False  # it is done, for whoever remembers
        runs = [*self._runs, *self._runs.gone]
        legacy = self._legacy
        memory = Memory(heir, self._limit, runs, legacy.notes, legacy.descriptors, self._subtree)
        try:
            be_reborn(memory, heir.program)
        except OSError as error:
            heir.reaper_failed(f"its reaper cannot be started: {error.strerror}")

    def _hand_over(self, heir: Succession) -> None:
        """Tell a new daemon all that the one before has left."""
        assert self._line is not None
        upgrade = None if heir.upgrade is None else heir.upgrade.story
        passing = Passing(
            heir.lives, heir.lost_at, heir.ended, self._subtree, self._is_complete, upgrade
        )
        self._is_complete = True  # from now on: what is missing, the new daemon ends
        names = list(self._legacy.descriptors)
        fds = self._legacy.descriptors.values()
        told = ["left_you", names, self._runs.last_number, asdict(passing)]
        self._line.tell(*told, descriptors=fds)
        for notes in self._legacy.batches():
            self._line.tell("noted", notes)
        gone = self._runs.gone
        for run in [*self._runs, *gone]:
            if run.is_ours:
                fields = asdict(run.as_kept(gone=run in gone))
                tell_run(self._line, "kept", run, fields, passed=run.descriptors)
        self._line.tell("that_is_all")

    # What goes over the line.

    def _tell(self, *message: Any) -> None:
        if self._line is not None:
            self._line.tell(*message)

    def _tell_of(self, run: Run, word: str, *more: Any) -> None:
        if run.is_ours:
            self._tell(word, run.number, *more)
