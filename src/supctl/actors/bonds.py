"""The bonds of one actor: whose end it wants to hear of, and with whom it ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from supctl.errors import LinkBroken
from supctl.exits import ExitReason

from .message import Ended, Info
from .ref import make_ref

if TYPE_CHECKING:
    from .life import Life
    from .target import Target


class Bonds:
    """Monitors and links of one life, by what they lead to. A link is half of one: the other
    half is held by the other actor.

    Args:
        life: whose bonds they are.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._monitors: dict[Target, Callable[[], object]] = {}  # what takes each back
        self._links: dict[Target, Callable[[], object]] = {}

    def monitor(self, target: Target) -> None:
        """Send a message when it has ended; at once if it has."""
        if target not in self._monitors:
            self._monitors[target] = _nothing
            undo = target.on_end(partial(self._on_monitored_end, target))
            if target in self._monitors:
                self._monitors[target] = undo

    def demonitor(self, target: Target) -> None:
        """Take it back. Does nothing if there is no monitor."""
        self._monitors.pop(target, _nothing)()

    def link(self, target: Target) -> None:
        """End when it ends abnormally; at once if it has."""
        if target not in self._links:
            self._links[target] = _nothing
            undo = target.on_end(partial(self._on_linked_end, target))
            if target in self._links:
                self._links[target] = undo

    def unlink(self, target: Target) -> None:
        """Take it back. Does nothing if there is no link."""
        self._links.pop(target, _nothing)()

    def end(self) -> None:
        """Let go of all."""
        for undo in (*self._monitors.values(), *self._links.values()):
            undo()

    def _on_monitored_end(self, target: Target, reason: ExitReason) -> None:
        del self._monitors[target]
        self._tell(target, reason)

    def _on_linked_end(self, target: Target, reason: ExitReason) -> None:
        del self._links[target]
        if self._life.kind is not None and self._life.kind.trap_exits:
            self._tell(target, reason)
        elif not reason.is_normal and self._life.runner is not None:
            self._life.runner.crash(LinkBroken(target.address, str(reason)))

    def _tell(self, target: Target, reason: ExitReason) -> None:
        self._life.mailbox.put_urgent(Info(Ended(make_ref(target), reason)))


def _nothing() -> None:
    pass
