"""Events of another process, told again here."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Final

from supctl.events import ChildForgotten, Event
from supctl.supervision.eventlog import EventLog, because_of_number

_REMEMBERED: Final = 10_000
"""Events that later ones may name as their causes."""

_OURS: Final = frozenset({"seq", "at", "at_wall", "cause"})


def because_above(number: int | None) -> AbstractContextManager[None]:
    """Have an event of the process above be the cause of what is asked inside the block."""
    return because_of_number(from_above(number))


def from_above(number: int | None) -> int | None:
    """Return how an event of the process above is numbered here: below 0, where ours never are."""
    return None if number is None else -number


class Retelling:
    """Tells events again in a log of this process: with numbers, causes and times of its own.

    Args:
        log: of this process.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._numbers: OrderedDict[int, int] = OrderedDict()  # ours, by theirs
        self._latest: dict[str, int] = {}  # ours, by address

    def latest(self, address: str) -> int | None:
        """Return the number of the latest event about the child at ``address``."""
        return self._latest.get(address)

    def tell(self, event: Event) -> Event:
        """Tell one, and return it as it is known here."""
        facts = {it.name: getattr(event, it.name) for it in fields(event) if it.name not in _OURS}
        cause = None if event.cause is None else self._number_of(event.cause)
        told = self._log.emit(type(event), cause=cause, **facts)
        self._numbers[event.seq] = self._latest[event.address] = told.seq
        if isinstance(event, ChildForgotten):
            del self._latest[event.address]
        if len(self._numbers) > _REMEMBERED:
            self._numbers.popitem(last=False)
        return told

    def _number_of(self, theirs: int) -> int | None:
        return -theirs if theirs < 0 else self._numbers.get(theirs)
