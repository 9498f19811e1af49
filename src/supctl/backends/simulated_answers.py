"""What a simulated program answers to probes: its script knows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import trio

from supctl.specs.pattern import compiled
from supctl.specs.probe import Exec, Http, Notify, Output, Probe, Tcp, Watchdog

from .answers import Answer
from .scripts import Program

_WELL: Final[dict[type[Probe], str]] = {
    Tcp: "accepts connections",
    Http: "status 200",
    Exec: "probe exited with code 0",
    Notify: "READY=1",
    Watchdog: "WATCHDOG=1",
}
_NOT_READY: Final[dict[type[Probe], str]] = {
    Tcp: "connection refused",
    Http: "connection refused",
    Exec: "probe exited with code 1",
    Notify: "no READY=1",
    Watchdog: "no WATCHDOG=1",
}
_UNHEALTHY: Final = _NOT_READY | {Http: "status 503"}


class SimulatedAnswers:
    """The :class:`~.answers.StandIn` of one run of a program.

    Args:
        program: what it does.
        started_at: when it was started.
    """

    def __init__(self, program: Program, started_at: float) -> None:
        self._program, self._started_at = program, started_at

    def answer(self, probe: Probe) -> Answer:
        """Return what a probe brings now."""
        program, age = self._program, trio.current_time() - self._started_at
        if isinstance(probe, Output):
            has_printed = any(at <= age for at in self._printings(probe))
            return Answer(has_printed, str(probe) if has_printed else "no such line")
        if program.hangs(age):
            return Answer(False, "no answer", silent=True)
        if program.ready_after is None or age < program.ready_after:
            return Answer(False, _NOT_READY[type(probe)])
        if program.unhealthy_after is not None and age >= program.unhealthy_after:
            return Answer(False, _UNHEALTHY[type(probe)], silent=isinstance(probe, Watchdog))
        return Answer(True, _WELL[type(probe)])

    def steady_until(self, probe: Probe) -> float:
        """Return the instant before which the answer stays what it is; infinity: for ever."""
        program, age = self._program, trio.current_time() - self._started_at
        if isinstance(probe, Output):
            changes = list(self._printings(probe))
        else:
            turns = (program.ready_after, program.unhealthy_after, program.hangs_after)
            changes = [at for at in turns if at is not None]
        return self._started_at + min((at for at in changes if at > age), default=math.inf)

    def _printings(self, probe: Output) -> Iterator[float]:
        """Yield the ages at which it prints a line that matches; what is cut in two is not seen."""
        pattern = compiled(probe.pattern)
        for at, data in self._program.output:
            is_heard = not self._program.hangs(at)
            if is_heard and any(pattern.search(line) for line in data.splitlines()):
                yield at
