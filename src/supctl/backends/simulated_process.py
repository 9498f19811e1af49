"""One simulated process: a script that is carried out in virtual time."""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import trio

from supctl.exits import ExitStatus

from .answers import StandIn
from .base import Exited, Gone, Left, Lost, Notice, Notify, Process, ProcessSpec
from .scripts import Child, Program
from .simulated_answers import SimulatedAnswers
from .timeline import Timeline


class SimulatedProcess(Process):
    """One run of a :class:`Program`. Made by the simulated backend only.

    Attributes:
        spec: what was asked for.
        program: what it does.
        signals: every signal it got while anything of it lived, in order; SIGKILL also
            for :meth:`kill`.
        children: its living descendants by pid.
    """

    def __init__(
        self,
        pid: int,
        spec: ProcessSpec,
        program: Program,
        notify: Notify | None,
        *,
        timeline: Timeline,
        next_pid: Callable[[], int],
        forget: Callable[[int], None],
    ) -> None:
        self.pid, self.spec, self.program = pid, spec, program
        self.signals: list[int] = []
        self.children: dict[int, Child] = {}
        self.unenforced: tuple[str, ...] = ()
        self.started_at = trio.current_time()
        self.status: ExitStatus | None = None
        self._notify = notify
        self._timeline, self._next_pid, self._forget = timeline, next_pid, forget
        self._ended, self._gone = trio.Event(), trio.Event()
        self._open_output()
        self._begin()

    async def wait(self) -> ExitStatus:
        await self._ended.wait()
        assert self.status is not None
        return self.status

    async def wait_gone(self) -> None:
        await self._gone.wait()

    def stand_in(self) -> StandIn:
        return SimulatedAnswers(self.program, self.started_at)

    @property
    def population(self) -> int:
        """How many processes of its tree live."""
        return len(self.children) + (self.status is None)

    def signal(self, number: int) -> None:
        if self._gone.is_set():
            return
        self.signals.append(number)
        ended = self.status is not None
        for pid, child in self.children.items():
            if child.ends_by(number) and (ended or not child.escapes):
                self._after(0.0, partial(self._end_child, pid))
        if not ended:
            self._signal_main(number)

    def signal_all(self, number: int) -> None:
        if self._gone.is_set():
            return
        self.signals.append(number)
        for pid, child in self.children.items():
            if child.ends_by(number):
                self._after(0.0, partial(self._end_child, pid))
        if self.status is None:
            self._signal_main(number)

    def _signal_main(self, number: int) -> None:
        for child in self.program.children:
            if child.born_on == number and not self.program.hangs(self._age()):
                self._bear(child)
        if self.program.ends_by(number, self._age()):
            forced = number == signals.SIGKILL
            delay = self.program.stuck_for if forced else self.program.stop_delay
            self._after(delay, lambda: self._end(self.program.end_by(number, self._age())))

    def kill(self) -> None:
        if not self._gone.is_set():
            self.signals.append(signals.SIGKILL)
            self._after(self.program.stuck_for, self._die)

    def end(self, status: ExitStatus) -> None:
        """Have the main process end now with ``status``: an accident for a rehearsal."""
        self._after(0.0, partial(self._end, status))

    def lose(self, detail: str) -> None:
        """End all of it because the reaper is gone. For the backend."""
        self._after(0.0, partial(self._die, Lost(detail)))

    def close_output(self) -> None:
        """Close output pipes that nobody has taken. For the backend."""
        for fd in self.take_output():
            if fd is not None:
                os.close(fd)

    # What happens to it. All below runs in the timeline, but for the births.

    def _begin(self) -> None:
        for child in self.program.children:
            if child.born_on is None:
                self._bear(child)
        for at, data in self.program.output:
            self._after(at, partial(self._write, data))
        if self.program.lifetime is not None:
            own_end = self.program.own_end(self.program.lifetime)
            self._after(self.program.lifetime, partial(self._end, own_end))

    def _bear(self, child: Child) -> None:
        pid = self._next_pid()
        self.children[pid] = child
        if child.lifetime is not None:
            self._after(child.lifetime, partial(self._end_child, pid))

    def _end(self, status: ExitStatus) -> None:
        if self.status is None:
            self._main_ended(status, Exited(status))
            self._tell_what_is_left()

    def _end_child(self, pid: int) -> None:
        if self.children.pop(pid, None) is not None and self.status is not None:
            self._tell_what_is_left()

    def _die(self, lost: Lost | None = None) -> None:
        """End everything: killed, or lost with nobody to tell how it ended."""
        if self._gone.is_set():
            return
        self.children.clear()
        if self.status is None:
            number = None if lost else signals.SIGKILL
            status = ExitStatus(signal=number, wall_time=self._age())
            self._main_ended(status, lost or Exited(status))
        self._tell_what_is_left()

    def _main_ended(self, status: ExitStatus, notice: Notice) -> None:
        self.status = status
        self._ended.set()
        self._tell(notice)

    def _tell_what_is_left(self) -> None:
        if self.children:
            self._tell(Left(tuple(self.children)))
            return
        self._close_writers()
        self._gone.set()
        self._forget(self.pid)
        self._tell(Gone())

    def _tell(self, notice: Notice) -> None:
        if self._notify is not None:
            self._notify(notice)

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        self._timeline.after(seconds, self.pid, do)

    def _age(self) -> float:
        return trio.current_time() - self.started_at

    # What it says. Its descendants hold the pipes too, to the last of them.

    def _open_output(self) -> None:
        self.stdout = self.stderr = None
        self._stdout_writer = self._stderr_writer = -1
        # Only for who says something: a thousand quiet apps must not need so many descriptors.
        if self.program.output and self.spec.stdout:
            self.stdout, self._stdout_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.program.output and self.spec.stderr:
            self.stderr, self._stderr_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def _write(self, data: bytes) -> None:
        if self.program.hangs(self._age()):
            return
        if self.status is None and self._stdout_writer >= 0:
            with suppress(BlockingIOError, BrokenPipeError):  # nobody reads; see Program.output
                os.write(self._stdout_writer, data)

    def _close_writers(self) -> None:
        for fd in (self._stdout_writer, self._stderr_writer):
            if fd >= 0:
                os.close(fd)
