"""The record of a tree: the lives of its children, counted as they happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from supctl import events
from supctl.exits import ExitReason

from .bell import Bell


class Record:
    """Counts the lives of every child. A life begins when the child has started.

    Args:
        bell: rung at every event.
        begun: told the address and the number of each life of an app.

    Attributes:
        lives: by address, how many times the child has started; that is also the number of
            its present or latest life.
        last_end: by address, the number of the latest life that is over, and why it ended.
        start_failures: by address, why the latest attempt to start failed; not there once an
            attempt has succeeded.
        seen: addresses of all that has had a process or could not be started, in that order.
        is_end_told: whether the test has been told how the tree ended, if it has.
    """

    def __init__(self, bell: Bell, begun: Callable[[str, int], None]) -> None:
        self._bell, self._begun = bell, begun
        self.lives: Counter[str] = Counter()
        self.last_end: dict[str, tuple[int, ExitReason]] = {}
        self.start_failures: dict[str, ExitReason] = {}
        self.seen: dict[str, None] = {}
        self.is_end_told = False

    def hear(self, event: events.Event) -> None:
        """Note an event as it happens: later, nobody could say whose output a byte is."""
        match event:
            case events.ChildStarted(address=address, pid=pid):
                self.lives[address] += 1
                self.start_failures.pop(address, None)
                if pid:
                    self.seen[address] = None
                    self._begun(address, self.lives[address])
            case events.ChildExited(address=address, reason=reason):
                self.last_end[address] = self.lives[address], reason
            case events.ChildStartFailed(address=address, reason=reason):
                self.start_failures[address] = reason
                self.seen[address] = None
                if not self.is_over(address, self.lives[address]):  # it ran, but was never ready
                    self.last_end[address] = self.lives[address], reason
        self._bell.ring()

    def is_over(self, address: str, life: int) -> bool:
        """Return whether that life of the child is over; 0 is the time before the first."""
        return life == 0 or (address in self.last_end and life <= self.last_end[address][0])
