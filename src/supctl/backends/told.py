"""A process of which we are told by others: what has been told, and who waits for more."""

from __future__ import annotations

import trio

from supctl.exits import ExitStatus

from .base import Exited, Gone, Lost, Notice, Notify, Process
from .reaper import marks


class ToldProcess(Process):
    """A process of which we hear by notices.

    Attributes:
        status: how it ended; ``None`` as long as that is not known.
        gone: whether nothing of it lives any more.
        mark: what its descendants carry; ``None`` if that is not known.
        kept: what whoever has started it wanted to be told of it; empty if that was us.
        started_at: when that was, on the monotonic clock.
        notify_fd: the socket at which it tells how it is, of a process that has outlived who had
            that; whoever takes it closes it.
    """

    __slots__ = (
        *("_changed", "_early", "_notify", "gone", "kept", "mark", "notify_fd", "started_at"),
        "status",
    )

    def __init__(self) -> None:
        self.pid = 0
        self.stdout = self.stderr = None
        self.unenforced = ()
        self.status: ExitStatus | None = None
        self.gone = False
        self.mark: int | None = None
        self.kept = ""
        self.started_at = 0.0
        self.notify_fd: int | None = None
        self._notify: Notify | None = None
        self._early: list[Notice] | None = []  # notices that came before anybody listened
        self._changed: trio.Event | None = None  # made by the first to wait

    def holds(self, pid: int) -> bool:
        if pid == self.pid:
            return self.status is None
        return pid > 0 and self.mark is not None and marks.mark_of(pid) == self.mark

    def is_stopped(self) -> bool:
        return self.status is None and marks.is_stopped(self.pid)

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

    # For who is told.

    def listen(self, notify: Notify | None) -> None:
        """Send notices to ``notify`` from now on, those first that have come already."""
        early, self._early = self._early or [], None
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
                self.end()
        if self._changed is not None:
            self._changed.set()
            self._changed = None
        self._tell(notice)

    def end(self) -> None:
        """Know that nothing is left of it."""
        self.gone = True

    def _tell(self, notice: Notice) -> None:
        if self._early is not None:
            self._early.append(notice)
        elif self._notify is not None:
            self._notify(notice)
