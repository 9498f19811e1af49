"""Rehearse a tree: run it with stand-ins through virtual hours of faults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import trio

from supctl.actors.services import Services, handed_to
from supctl.backends.chance import stream
from supctl.backends.machine import WallClock
from supctl.backends.scripts import Script
from supctl.backends.simulated import SimulatedBackend
from supctl.errors import GaveUp, StartFailed, TreeEnded
from supctl.specs import App, Delay, Restart, Supervisor, Worker
from supctl.supervision.eventlog import EventLog
from supctl.supervision.opening import running
from supctl.supervision.tree import Tree
from supctl.supervision.world import World

from .cast import Cast
from .fate import Fate
from .faults import FaultPlan, check_app, fits
from .ledger import Ledger
from .replay import run_replayable
from .report import HOUR, Report, report_of

JOB: Final = 60.0
"""Seconds that a program runs which is not always to be there."""


def rehearse(
    spec: Supervisor,
    *,
    hours: float = 1000.0,
    seed: int = 1,
    faults: FaultPlan | None = None,
    runtimes: Mapping[str, float] | None = None,
) -> Report:
    """Run a tree through that many virtual hours of faults and return what became of it.

    No program is started and no actor; each has a stand-in. Nothing is written. The same
    arguments give the same report, to the last digit. Not inside a running trio.

    Args:
        spec: the tree.
        hours: how long; less if the root ends before.
        seed: of all that is random.
        faults: how often what happens; the default rates when ``None``.
        runtimes: by name or address of an app, seconds after which it ends by itself with code
            0; infinity: never. By default what is always restarted never does, and what is
            restarted on failure or never does so after :data:`JOB` seconds.

    Raises:
        InvalidConfig: ``faults`` or ``runtimes`` name an app that is not in the tree.
    """
    rehearsal = Rehearsal(spec, seed, faults or FaultPlan(), runtimes or {})
    try:
        return rehearsal.run(hours * HOUR)
    except Exception as error:
        error.add_note(f"in a rehearsal of {spec.name} over {hours:g} hours with seed {seed}")
        raise


class Rehearsal:
    """One rehearsal of one tree. Its arguments are those of :func:`rehearse`."""

    def __init__(
        self, spec: Supervisor, seed: int, faults: FaultPlan, runtimes: Mapping[str, float]
    ) -> None:
        self._seed, self._faults, self._runtimes = seed, faults, runtimes
        self._ledger = Ledger()
        self._jobs: dict[str, float] = {}
        self._cast = Cast(self._audition)
        self._spec = self._cast.stage(spec)

    def run(self, seconds: float) -> Report:
        """Run it and return its report."""
        if self._cast.is_complete:
            self._check_names()
        run_replayable(lambda: self._play(seconds), self._seed)
        self._check_names()
        return report_of(
            self._ledger,
            tree=self._spec.name,
            seed=self._seed,
            faults=self._faults,
            asked=seconds,
            jobs=self._jobs,
        )

    def _check_names(self) -> None:
        addresses = self._cast.programs
        self._faults.check(addresses)
        for name in self._runtimes:
            check_app("--runtime", name, addresses)

    def _audition(self, address: str, child: App | Worker) -> Script:
        ready = child.ready if isinstance(child, App) else None
        page = self._ledger.enter(address, child.restart, warms=ready is not None)
        runtime = self._runtime(address, child)
        if runtime is not None:
            self._jobs[address] = runtime
        rates = self._faults.of(address)
        return Fate(
            self._seed,
            address,
            rates,
            runtime,
            trio.current_time,
            page.expect_hang,
            shows_ready=ready is not None and not isinstance(ready.probe, Delay),
        )

    def _runtime(self, address: str, child: App | Worker) -> float | None:
        is_service = child.restart is Restart.PERMANENT
        seconds = math.inf if is_service else JOB
        for name, told in self._runtimes.items():
            if fits(name, address):
                seconds = told
        return None if seconds == math.inf else seconds

    async def _play(self, seconds: float) -> None:
        log = EventLog(WallClock(), handler=self._ledger.note)
        backend = SimulatedBackend()
        backend.programs = self._cast.programs
        async with backend:
            services = Services(backend, handed_to(_no_output))
            world = World(services, log, stream(self._seed, "jitter").random)
            with suppress(GaveUp, StartFailed, TreeEnded):  # the ledger has heard of it
                async with running(Tree(self._spec, world), wait_up=False) as tree:
                    with trio.move_on_after(seconds):
                        await tree.ended.wait()
                    self._ledger.time_is_up(trio.current_time())


def _no_output(address: str, stream: str, fd: int, *_: object) -> None:
    raise AssertionError("stand-ins say nothing")
