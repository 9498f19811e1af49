"""What a supervisor's core lends its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from supctl.exits import ExitReason

from . import messages as m
from .children import ChildRecord
from .flags import Flags
from .plan import Stage, StageKind


class Ground(Protocol):
    """The core, as its parts see it."""

    flags: Flags
    """What it goes by; another one when that changes."""

    now: float
    """When what is handled has come about."""

    @property
    def is_starting(self) -> bool:
        """Whether it is in its start phase."""
        ...

    @property
    def is_running(self) -> bool:
        """Whether its start phase is over, and it does not end."""
        ...

    @property
    def is_ending(self) -> bool:
        """Whether it stops all children."""
        ...

    def be_up(self) -> None:
        """Come to the end of the start phase."""

    def say(self, command: m.Command) -> None:
        """Say a command."""

    def stage(self, kind: StageKind, children: Sequence[ChildRecord]) -> Stage:
        """Return a stage for ``children``."""
        ...

    def forget(self, child: ChildRecord) -> None:
        """Know a child no more."""

    def bear_start_failure(self, child: ChildRecord, reason: ExitReason) -> None:
        """Treat a child that has not started like one that crashed."""

    def waits_with_group(self, child: ChildRecord) -> bool:
        """Return whether several children wait to be started together, and it is one of them."""
        ...

    def report(self, context: m.Context, child: ChildRecord, reason: ExitReason) -> None:
        """Report what became of a child."""

    def has_ended(self, child: ChildRecord, reason: ExitReason) -> None:
        """Draw the consequences of a child's end for good."""

    def give_up(self, gave_up: m.GaveUp) -> None:
        """End for that."""
