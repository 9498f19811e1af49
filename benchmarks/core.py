"""The pure core of a supervisor, and the bare loop that it is measured against.

All seconds are processor time of this process, and the best of several rounds: other programs
on the machine can make a round slower, and never faster.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from supctl.exits import ExitKind, ExitReason, ExitStatus
from supctl.specs import Backoff, Intensity, Strategy
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.core import SupervisorCore
from supctl.supervision.flags import Flags

WITH_BACKOFF: Final = Backoff()
CRASH: Final = ExitReason(ExitKind.CRASHED, ExitStatus(code=1))

_APART: Final = 0.01
"""Seconds from one crash to the next, on the core's clock."""

_BORNE: Final = Intensity(max_restarts=1000, within=5.0)
"""Twice as many as happen: the window is kept, and never full."""

_ROUNDS: Final = 15


class Crowd:
    """A core whose children start as soon as they are told to, and stay until they crash.

    Attributes:
        events: how many the core has handled.
    """

    def __init__(self, children: int, *, dynamic: bool = False, backoff: Backoff) -> None:
        policies = [m.ChildPolicy(f"c{n}", backoff=backoff) for n in range(children)]
        self.names = [policy.name for policy in policies]
        self.events = 0
        self._runs: dict[str, int] = {}
        self._now = 0.0
        self._mailbox: deque[m.Event] = deque()
        strategy = Strategy.SIMPLE_ONE_FOR_ONE if dynamic else Strategy.ONE_FOR_ONE
        self._core = SupervisorCore(
            () if dynamic else policies, Flags(strategy, _BORNE), random=lambda: 0.5
        )
        self._feed(m.Begin())
        if dynamic:
            for policy in policies:
                self._feed(m.StartChild(policy, None))

    def crash(self, names: Iterable[str]) -> None:
        """Let children crash and come back, one after the other."""
        for name in names:
            self._now += _APART
            self._feed(m.ChildDown(name, self._runs[name], CRASH))

    def _feed(self, event: m.Event) -> None:
        mailbox = self._mailbox
        mailbox.append(event)
        while mailbox:
            self.events += 1
            for command in self._core.handle(mailbox.popleft(), self._now):
                if type(command) is m.Start:
                    self._runs[command.name] = command.run
                    mailbox.append(m.ChildUp(command.name, command.run))
                elif type(command) is m.SetTimer:
                    mailbox.append(m.TimerFired(command.name, command.token))


def bare_loop(names: Sequence[str], backoff: Backoff) -> int:
    """Make, look up and hand on what the core must for a crash of each; return the events.

    It makes the same values and looks up each event's child; it decides nothing.
    """
    children = {name: [name] for name in names}
    mailbox: deque[m.Event] = deque()
    events = 0
    for name in names:
        mailbox.append(m.ChildDown(name, 1, CRASH))
        while mailbox:
            events += 1
            for command in _as_commanded(children, mailbox.popleft(), backoff):
                if type(command) is m.Start:
                    mailbox.append(m.ChildUp(command.name, command.run))
                elif type(command) is m.SetTimer:
                    mailbox.append(m.TimerFired(command.name, command.token))
    return events


def _as_commanded(
    children: dict[str, list[str]], event: m.Event, backoff: Backoff
) -> list[m.Command]:
    commands: list[m.Command] = []
    if type(event) is m.ChildDown:
        (name,) = children[event.name]
        commands.append(m.Report(m.Context.CHILD_TERMINATED, name, event.reason))
        commands.append(m.RestartScheduled(name, backoff.initial, 1))
        if backoff.initial:
            commands.append(m.SetTimer(name, 1, backoff.initial))
        else:
            commands.append(m.Start(name, 1))
    elif type(event) is m.TimerFired:
        (name,) = children[event.name]
        commands.append(m.Start(name, 1))
    elif type(event) is m.ChildUp:
        (name,) = children[event.name]
    return commands


def events_per_second(children: int, backoff: Backoff, rounds: int = _ROUNDS) -> float:
    """Return what the core handles when each of its ``children`` crashes in turn."""
    crowd = Crowd(children, backoff=backoff)
    names = crowd.names * (5000 // children)

    def crash() -> int:
        before = crowd.events
        crowd.crash(names)
        return crowd.events - before

    return _best_rate(crash, rounds)


def bare_events_per_second(children: int, backoff: Backoff, rounds: int = _ROUNDS) -> float:
    """Return what the bare loop hands on of the same events."""
    names = [f"c{n}" for n in range(children)] * (5000 // children)
    return _best_rate(lambda: bare_loop(names, backoff), rounds)


def seconds_per_exit(children: int, *, dynamic: bool, rounds: int = _ROUNDS) -> float:
    """Return what one crash costs with its restart, back-off not included.

    Ten children crash in turn, however many there are: the figure is to tell of scans, and
    not of the processor's caches.
    """
    crowd = Crowd(children, dynamic=dynamic, backoff=NO_BACKOFF)
    names = crowd.names[:: children // 10] * 300

    def crash() -> int:
        crowd.crash(names)
        return len(names)

    return 1 / _best_rate(crash, rounds)


def _best_rate(work: Callable[[], int], rounds: int) -> float:
    best = 0.0
    for _ in range(rounds):
        began_at = time.process_time()
        done = work()
        best = max(best, done / (time.process_time() - began_at))
    return best
