"""Fate: what befalls one app in a rehearsal, drawn from the seed and its address.

All blows fall at instants that depend on nothing else: not on the other apps, and not on what
the app has been through. One that is down at such an instant is spared, and gets no other for
it. So two policies that are rehearsed with one seed face the same blows at the same hours, and
what differs is the policies' doing.
"""

from __future__ import annotations

import errno
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from supctl.backends.chance import Distribution, Exponential, Fixed, Uniform, stream
from supctl.backends.habits import CRASHES, End, pick
from supctl.backends.scripts import Program

from .faults import Fault

START: Final = 0.1
"""Seconds that a start takes, also one that fails."""

STOP: Final = Uniform(0.02, 0.2)
"""What a program takes to stop when asked."""

SLOW_START: Final = Uniform(5.0, 60.0)
"""What a slow start takes: caches are cold, the machine swaps, a volume is mounted."""

SPELLS: Final[Mapping[Fault, Distribution]] = {
    Fault.CRASH: Fixed(0.0),
    Fault.HANG: Fixed(0.0),
    Fault.SLOW_START: Fixed(60.0),
    Fault.SPAWN_FAILURE: Exponential(30.0),
}
"""How long each fault goes on: starts inside such a spell are slow, or fail."""

_FAILURES: Final = ((errno.ENOENT, "program"), (errno.EAGAIN, "system"))
"""A deployment replaces the program; the process table is full."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A time from ``since`` to before ``until``; ``luck``, 0 to 1, decides what else it needs."""

    since: float
    until: float
    luck: float


class Spells:
    """The spells of one fault: they begin as a Poisson process, and are drawn as far as is asked.

    Args:
        rate: how many begin a second; 0: none.
        length: how long each is.
        random: of its own.
    """

    def __init__(self, rate: float, length: Distribution, random: Random) -> None:
        self._gaps = Exponential(1 / rate) if rate else None
        self._length, self._random = length, random
        self._drawn_to = 0.0
        self._drawn: deque[Spell] = deque()

    def first_after(self, now: float) -> float:
        """Return when the first begins that begins after ``now``; infinity: none ever does."""
        if self._gaps is None:
            return math.inf
        while self._drawn_to <= now:
            self._draw(self._gaps)
        return next(spell.since for spell in self._drawn if spell.since > now)

    def at(self, now: float) -> Spell | None:
        """Return the spell that holds ``now``. Never ask for what is before that again."""
        self.first_after(now)
        while self._drawn and self._drawn[0].until <= now:
            self._drawn.popleft()
        return next((it for it in self._drawn if it.since <= now < it.until), None)

    def _draw(self, gaps: Distribution) -> None:
        self._drawn_to += gaps.draw(self._random)
        until = self._drawn_to + self._length.draw(self._random)
        self._drawn.append(Spell(self._drawn_to, until, self._random.random()))


class Fate:
    """The script of one app: called at every start, it returns what becomes of that run.

    The very first start goes well: a rehearsal begins with a tree that was up.

    Args:
        seed: of the rehearsal.
        address: of the app.
        rates: of the faults, each a second.
        runtime: seconds after which it ends by itself with code 0; ``None``: never.
        now: the clock.
        expect_hang: is told the instant at which a run hangs if it lives that long; infinity
            if it does not.
        shows_ready: whether a slow start is one that runs soon, and is ready only later.
    """

    def __init__(
        self,
        seed: int,
        address: str,
        rates: Mapping[Fault, float],
        runtime: float | None,
        now: Callable[[], float],
        expect_hang: Callable[[float], None] = lambda at: None,
        *,
        shows_ready: bool = False,
    ) -> None:
        self._spells = {
            fault: Spells(rates[fault], SPELLS[fault], stream(seed, address, fault))
            for fault in Fault
        }
        self._manners, self._stops = stream(seed, address, "manner"), stream(seed, address, "stop")
        self._runtime, self._now, self._expect_hang = runtime, now, expect_hang
        self._shows_ready = shows_ready

    def __call__(self, attempt: int) -> Program:
        """Return what becomes of start number ``attempt``; the first is 0."""
        now = self._now()
        failing = self._spells[Fault.SPAWN_FAILURE].at(now)
        if failing is not None and attempt:
            number, stage = _FAILURES[int(failing.luck * len(_FAILURES))]
            return Program(start_delay=START, fails_to_start=number, failed_stage=stage)
        slow = self._spells[Fault.SLOW_START].at(now)
        is_slow = slow is not None and attempt
        return self._run(now, SLOW_START.at(slow.luck) if slow and is_slow else START)

    def _run(self, now: float, start_delay: float) -> Program:
        warm_up = start_delay - START if self._shows_ready else 0.0
        up_at = now + start_delay
        hang_at = self._spells[Fault.HANG].first_after(up_at)
        self._expect_hang(hang_at)
        lifetime = min(
            spells.first_after(up_at) - up_at
            for fault, spells in self._spells.items()
            if fault is not Fault.HANG
        )
        end = pick(CRASHES, self._manners)
        if self._runtime is not None and self._runtime <= lifetime:
            lifetime, end = self._runtime, End()
        return Program(
            lifetime=None if lifetime == math.inf else warm_up + lifetime,
            code=end.code,
            signal=end.signal,
            out_of_memory=end.out_of_memory,
            hangs_after=None if hang_at == math.inf else warm_up + hang_at - up_at,
            ready_after=warm_up,
            start_delay=start_delay - warm_up,
            stop_delay=STOP.draw(self._stops),
        )
