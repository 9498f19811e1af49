"""One run of a program, as the daemon's side knows it."""

from __future__ import annotations

import os

import trio

from supctl.errors import ReaperLost, SpawnFailed
from supctl.exits import ExitStatus

from .base import Exited, Gone, Lost, Notice, Notify, Process
from .reaper.protocol import Launch
from .reaper_link import ReaperLink


class PosixProcess(Process):
    """A run held by the reaper. Made by :class:`PosixBackend` only."""

    __slots__ = ("_answered", "_changed", "_early", "_link", "_notify", "_number", "_pidfd",
                 "_with_output", "failure", "gone", "launch", "status")  # fmt: skip

    def __init__(
        self, number: int, launch: Launch, link: ReaperLink, with_output: set[PosixProcess]
    ) -> None:
        self.pid = 0
        self.stdout = self.stderr = None
        self.unenforced = ()
        self.launch = launch
        self.status: ExitStatus | None = None
        self.gone = False
        self.failure: SpawnFailed | ReaperLost | None = None
        self._number = number
        self._link: ReaperLink | None = link  # None once nothing is left to signal
        self._with_output = with_output  # those whose pipes the backend must close in the end
        self._pidfd = -1
        self._notify: Notify | None = None
        self._early: list[Notice] | None = []  # notices that came before spawn returned
        self._answered: trio.Event | None = trio.Event()
        self._changed: trio.Event | None = None  # made by the first to wait

    async def wait(self) -> ExitStatus:
        while self.status is None:
            await self._wait_change()
        return self.status

    async def wait_gone(self) -> None:
        while not self.gone:
            await self._wait_change()

    async def _wait_change(self) -> None:
        if self._changed is None:
            self._changed = trio.Event()
        await self._changed.wait()

    def signal(self, number: int) -> None:
        if self._link is not None:
            self._link.send("signal", self._number, number)

    def kill(self) -> None:
        if self._link is not None:
            self._link.send("kill", self._number)

    # For the backend.

    async def wait_answer(self) -> None:
        """Return when the program executes. Raises what kept it from that."""
        assert self._answered is not None
        await self._answered.wait()
        if self.failure is not None:
            raise self.failure

    def started(self, pid: int, descriptors: dict[str, int]) -> None:
        """Take what the reaper told of the start."""
        self.pid = pid
        self._pidfd = descriptors.get("pidfd", -1)
        self.stdout, self.stderr = descriptors.get("stdout"), descriptors.get("stderr")
        self._with_output.add(self)
        self._answer()

    def failed(self, failure: SpawnFailed | ReaperLost) -> None:
        """Know that it never ran; nothing of it is left."""
        self.failure = failure
        self._end()
        self._answer()

    def _answer(self) -> None:
        if self._answered is not None:
            self._answered.set()

    def listen(self, notify: Notify | None) -> None:
        """Send notices to ``notify`` from now on, those first that have come already."""
        early, self._early, self._answered = self._early or [], None, None
        self._notify = notify
        for notice in early:
            self._tell(notice)

    def notice(self, notice: Notice) -> None:
        """Record what became of it and tell who listens."""
        match notice:
            case Exited(status):
                self.status = status
            case Lost():
                self.status = self.status or ExitStatus()
            case Gone():
                self._end()
        if self._changed is not None:
            self._changed.set()
            self._changed = None
        self._tell(notice)

    def _tell(self, notice: Notice) -> None:
        if self._early is not None:
            self._early.append(notice)
        elif self._notify is not None:
            self._notify(notice)

    def cut_loose(self) -> None:
        """Signal through the reaper no more: it is gone."""
        self._link = None

    def _end(self) -> None:
        self.gone, self._link = True, None
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def take_output(self) -> tuple[int | None, int | None]:
        self._with_output.discard(self)
        return super().take_output()

    def close_output(self) -> None:
        """Close output pipes that nobody has taken."""
        for fd in self.take_output():
            if fd is not None:
                os.close(fd)
