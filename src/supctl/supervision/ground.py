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

    @property
    def is_starting(self) -> bool:
        """Whether it is in its start phase."""
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

    def recall(self, child: ChildRecord) -> None:
        """Let the restarts of before of a new child count on."""
