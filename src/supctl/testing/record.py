"""The record of a tree: its events, and what tests ask of them, known at once."""

from __future__ import annotations

from collections import Counter

from supctl import events
from supctl.exits import ExitReason
from supctl.supervision.eventlog import E, EventLog

from .bell import Bell


class Record(EventLog):
    """Counts the lives of every child. A life begins when the child has started.

    It hears of events as they are made, in the midst of what makes them: no reader behind a
    queue could say whose output a byte is.

    Attributes:
        lives: by address, how many times the child has started; that is also the number of
            its present or latest life.
        last_ended: by address, the number of the latest life that is over.
        start_failures: by address, why the latest attempt to start failed; not there once an
            attempt has succeeded.
    """

    def __init__(self, bell: Bell) -> None:
        super().__init__()
        self._bell = bell
        self.lives: Counter[str] = Counter()
        self.last_ended: dict[str, int] = {}
        self.start_failures: dict[str, ExitReason] = {}

    def emit(self, event: E) -> E:
        match event:
            case events.ChildStarted(address=address):
                self.lives[address] += 1
                self.start_failures.pop(address, None)
            case events.ChildExited(address=address):
                self.last_ended[address] = self.lives[address]
            case events.ChildStartFailed(address=address, reason=reason):
                self.start_failures[address] = reason
        told = super().emit(event)
        self._bell.ring()
        return told

    def is_over(self, address: str, life: int) -> bool:
        """Return whether that life of the child is over."""
        return self.last_ended.get(address, 0) >= life
