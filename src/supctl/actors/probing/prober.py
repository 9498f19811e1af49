"""Asking a program once: whatever the probe, with a time-out and an answer in words."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import trio

from supctl.backends.answers import Answer
from supctl.backends.base import Process, ProcessSpec, Spawner
from supctl.specs.probe import Exec, Http, Probe, Tcp

from .command import try_command
from .network import try_http, try_tcp
from .standstill import stood_still

_log = logging.getLogger("supctl.actors")


@dataclass(frozen=True, slots=True)
class Prober:
    """Asks one run of a program.

    Args:
        process: that run.
        surroundings: as what it was started; commands are started so too.
        backend: starts them.
        gate: how many questions may be under way at once, to all programs.
    """

    process: Process
    surroundings: ProcessSpec
    backend: Spawner
    gate: trio.Semaphore

    async def ask(self, probe: Probe, timeout: float) -> Answer:
        """Return what ``probe`` brings within ``timeout`` seconds.

        Waiting for its turn does not count, and it is asked again if we stood still meanwhile.
        When this is cancelled, nothing is left of it.
        """
        if (stand_in := self.process.stand_in()) is not None:
            answer = stand_in.answer(probe)
            if answer.silent:
                await trio.sleep(timeout)
                return _no_answer(timeout)
            return answer
        if self.process.is_stopped():  # the kernel goes on accepting connections for it
            return Answer(False, "it was stopped by a signal from outside", silent=True)
        async with self.gate:
            while True:
                due_at = trio.current_time() + timeout
                with trio.move_on_at(due_at):
                    return await self._try(probe)
                if not stood_still(due_at):
                    return _no_answer(timeout)

    def next_at(self, probe: Probe, at: float) -> float:
        """Return when to ask again: at ``at``, or later if nothing can have changed by then."""
        stand_in = self.process.stand_in()
        return at if stand_in is None else max(at, stand_in.steady_until(probe))

    async def _try(self, probe: Probe) -> Answer:
        try:
            return await self._dispatch(probe)
        except Exception as error:  # a fault of ours must not be the end of the app
            _log.exception("a probe of pid %d has failed: %s", self.process.pid, probe)
            return Answer(False, f"internal error: {error!r}")

    async def _dispatch(self, probe: Probe) -> Answer:
        match probe:
            case Tcp():
                return await try_tcp(probe)
            case Http():
                return await try_http(probe)
            case Exec():
                return await try_command(probe, self.surroundings, self.backend)
        raise TypeError(f"{probe} is announced, and not asked for")


def _no_answer(timeout: float) -> Answer:
    return Answer(False, f"no answer within {timeout:g} s", silent=True)
