"""One run of a program, as the daemon's side knows it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, replace

import trio

from supctl.errors import ReaperLost, SpawnFailed
from supctl.exits import ExitStatus

from .base import Exited, Gone, Left, Notify
from .reaper.protocol import Kept, Terms
from .reaper_link import ReaperLink
from .told import ToldProcess


class PosixProcess(ToldProcess):
    """A run held by the reaper. Made by :class:`PosixBackend` only."""

    __slots__ = (
        *("_answered", "_is_killed", "_link", "_number", "_pidfd", "_spare", "_unconfirmed"),
        *("_with_output", "failure", "program", "terms"),
    )

    def __init__(
        self,
        number: int,
        program: str,
        terms: Terms,
        link: ReaperLink,
        with_output: set[PosixProcess],
    ) -> None:
        super().__init__()
        self.program, self.terms, self.mark = program, terms, terms.mark
        self.failure: SpawnFailed | ReaperLost | None = None
        self._number = number
        self._link: ReaperLink | None = link  # None once nothing is left to signal
        self._with_output = with_output  # those whose pipes the backend must close in the end
        self._pidfd = -1
        self._spare: dict[str, int] = {}  # duplicates of what a next reaper must hold
        self._answered: trio.Event | None = trio.Event()
        self._unconfirmed: list[tuple[str, int]] = []  # signals that may be lost with the reaper
        self._is_killed = False

    @property
    def token(self) -> int:
        return self._number if self.terms.kept else 0

    def signal(self, number: int) -> None:
        self._send_signal("signal", number)

    def signal_all(self, number: int) -> None:
        self._send_signal("signal_all", number)

    def _send_signal(self, word: str, number: int) -> None:
        if self._link is not None:
            self._unconfirmed.append((word, number))
            self._link.send(word, self._number, number)

    def change_terms(self, stop_signal: int, grace: float) -> None:
        """Have the reaper end it so if we are gone."""
        terms = replace(self.terms, stop_signal=stop_signal, grace=grace)
        if terms != self.terms:
            self.terms = terms
            if self._link is not None:
                self._link.send("terms", self._number, stop_signal, grace)

    def kill(self) -> None:
        self._is_killed = True
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
        self.notify_fd = descriptors.get("notify")
        self._with_output.add(self)
        self.started_at = time.monotonic()
        if self.terms.kept:
            held = {name: fd for name, fd in descriptors.items() if name != "pidfd"}
            self.hold(held)
        self._answer()

    def hold(self, descriptors: Mapping[str, int]) -> None:
        """Hold duplicates of what a next reaper must hold with it."""
        for name, fd in descriptors.items():
            self._spare[name] = os.dup(fd)

    @property
    def can_be_handed_on(self) -> bool:
        """Whether it can go on under a reaper that has not started it."""
        return bool(self.terms.kept) and self._pidfd >= 0

    def hand_on(self, link: ReaperLink) -> None:
        """Have a new reaper hold it, the one before being lost; and whatever that was to do to it
        and has not done, for all we know."""
        self._link = link
        status = None if self.status is None else asdict(self.status)
        kept = Kept(self.pid, asdict(self.terms), self.started_at, status)
        passed = {"pidfd": self._pidfd, **self._spare}
        told = "take", self._number, asdict(kept), list(passed)
        link.send(*told, descriptors=list(passed.values()))
        for word, number in self._unconfirmed:
            link.send(word, self._number, number)
        if self._is_killed:
            link.send("kill", self._number)

    def survived(self, kept: Kept, descriptors: dict[str, int]) -> None:
        """Take what the reaper told of a run that has outlived a daemon."""
        self.started(kept.pid, descriptors)
        self.kept, self.started_at = self.terms.kept, kept.started_at
        if kept.status is not None:
            self.notice(Exited(ExitStatus(**kept.status)))
        if kept.survivors:
            self.notice(Left(tuple(kept.survivors)))
        if kept.gone:
            self.notice(Gone())

    def signalled(self) -> None:
        """Know that the oldest of the signals was sent for which that was not known."""
        del self._unconfirmed[:1]

    def failed(self, failure: SpawnFailed | ReaperLost) -> None:
        """Know that it never ran; nothing of it is left."""
        self.failure = failure
        self.end()
        self._answer()

    def _answer(self) -> None:
        if self._answered is not None:
            self._answered.set()

    def listen(self, notify: Notify | None) -> None:
        self._answered = None
        super().listen(notify)

    def cut_loose(self) -> None:
        """Signal through the reaper no more: it is gone."""
        self._link = None

    def end(self) -> None:
        super().end()
        self._link = None
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        for fd in self._spare.values():
            os.close(fd)
        self._spare = {}

    def take_output(self) -> tuple[int | None, int | None]:
        self._with_output.discard(self)
        return super().take_output()

    def close_output(self) -> None:
        """Close output pipes that nobody has taken."""
        for fd in self.take_output():
            if fd is not None:
                os.close(fd)
