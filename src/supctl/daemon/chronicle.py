"""What goes into the journal: all that happens, and the last words of those who have died."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from typing import Final

import trio

from supctl._version import __version__
from supctl.events import (
    ChildExited,
    ChildForgotten,
    ChildStartFailed,
    DaemonStarted,
    DaemonStopped,
    Event,
    LastLines,
    RestartScheduled,
    SupervisorReport,
    TreeStarted,
)
from supctl.exits import ExitKind
from supctl.journal.journal import Journal
from supctl.logs.capture import Capture
from supctl.supervision.tree import Tree

_READ_WITHIN: Final = 0.1
"""Seconds after an end in which the last output has come through the pipes."""

_SHORTEST_START: Final = 0.002
"""Seconds that a program takes at least until its first output."""

_LINES: Final = 10
_CHARACTERS: Final = 200
"""What is kept of last words."""

_WAITING: Final = 1000
"""Ends that wait for that; more at once go without last words."""

_PEACEFUL: Final = frozenset({ExitKind.NORMAL, ExitKind.SHUTDOWN, ExitKind.FINISHED})


class Chronicle:
    """Writes the journal of a tree.

    Args:
        journal: that it goes into.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._due: dict[str, float] = {}  # before which none was started again, by address
        self._ended: dict[str, float] = {}  # when it has last ended
        self._died, self._deaths = trio.open_memory_channel[tuple[Event, float]](_WAITING)

    def hear(self, event: Event) -> None:
        """Keep an event. Never blocks."""
        if isinstance(event, SupervisorReport | TreeStarted):
            return  # they say again what others say
        self._journal.note(event)
        match event:
            case RestartScheduled(delay=delay):
                self._due[event.address] = event.at_wall + delay
            case ChildForgotten():
                self._due.pop(event.address, None)
                self._ended.pop(event.address, None)
            case ChildExited(reason=reason) | ChildStartFailed(reason=reason):
                if reason.kind not in _PEACEFUL:
                    with suppress(trio.WouldBlock):
                        self._died.send_nowait((event, self._ended.get(event.address, 0.0)))
                self._ended[event.address] = event.at_wall

    def begin(self, tree: Tree) -> DaemonStarted:
        """Tell that the daemon begins, and return that event."""
        last = self._journal.last
        lost = last is not None and last["event"] != "daemon_stopped"
        return tree.tell(DaemonStarted, pid=os.getpid(), version=__version__, lost=lost)

    def end(self, tree: Tree) -> None:
        """Tell that the daemon ends in order."""
        tree.tell(DaemonStopped, pid=os.getpid())

    async def tend(self, logs: Capture) -> None:
        """Keep last words, for ever: what came after the end before, and before the next start.

        Args:
            logs: hold them.
        """
        async for event, after in self._deaths:
            await trio.sleep_until(event.at + _READ_WITHIN)
            due = self._due.get(event.address, 0.0)
            until = math.inf if due < event.at_wall else max(due, event.at_wall + _SHORTEST_START)
            lines = [
                line.text[:_CHARACTERS].decode(errors="replace")
                for line in logs.last_lines(event.address)
                if after < line.at_wall < until
            ]
            if lines:
                said = tuple(lines[-_LINES:])
                at_wall, place = event.at_wall, event.address
                self._journal.note(
                    LastLines(address=place, cause=event.seq, at_wall=at_wall, lines=said)
                )
