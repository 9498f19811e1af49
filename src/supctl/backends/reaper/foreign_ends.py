"""Ends of runs that are no children of ours, of which the kernel tells in two steps."""

from __future__ import annotations

import time
from typing import Final

from . import foreign
from .runs import Run, Runs

_TELLING: Final = 1.0
"""Seconds within which whoever is the parent of what another reaper has started reaps it; how it
ended is known then. Later is as good as never."""

_ASK_AGAIN: Final = 0.01
"""Seconds between two questions whether that is so: the kernel announces the end, but not that."""


class ForeignEnds:
    """Sees how those of the runs end that another reaper has started."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._ended: dict[int, float] = {}  # by number: until when it may turn out how
        self._kernel_tells: bool | None = None

    def _alive(self) -> list[Run]:
        return [run for run in self._runs.foreign if run.alive]

    def fds(self) -> list[int]:
        """Return descriptors that are readable when one has ended."""
        alive = self._alive()
        return [run.descriptors["pidfd"] for run in alive if run.number not in self._ended]

    def note(self, fd: int) -> bool:
        """Know that one of :meth:`fds` is readable; return whether it is one."""
        for run in self._alive():
            if run.descriptors["pidfd"] == fd:
                self._ended[run.number] = time.monotonic() + _TELLING
                return True
        return False

    def due(self) -> list[float]:
        """Return when to ask for :meth:`ended` again, if at all."""
        return [time.monotonic() + _ASK_AGAIN] if self._ended else []

    def ended(self) -> list[tuple[Run, int | None]]:
        """Return those that have ended, each once, with a wait status; ``None``: not known."""
        found: list[tuple[Run, int | None]] = []
        for number, until in list(self._ended.items()):
            run = self._runs.get(number)
            if run is None or not run.alive:
                del self._ended[number]
                continue
            status = foreign.exit_status(run.descriptors["pidfd"], run.pid)
            if status is not None or time.monotonic() >= until or not self._may_tell():
                del self._ended[number]
                found.append((run, status))
        return found

    def _may_tell(self) -> bool:
        if self._kernel_tells is None:
            self._kernel_tells = foreign.can_tell_exits()
        return self._kernel_tells
