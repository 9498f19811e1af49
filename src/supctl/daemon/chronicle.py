"""What goes into the journal: all that happens, and the last words of those who have died."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import trio

from supctl._version import __version__
from supctl.backends.reaper.protocol import Passing
from supctl.events import (
    ChildExited,
    ChildForgotten,
    ChildKept,
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
from supctl.journal.record import line_of, seq_of
from supctl.supervision.tree import Tree

from .crash import end_of
from .last_words import LastWords

_SPARE: Final = "event "
"""What the names of texts for the next daemon begin with; the rest is the number of a slot."""

_SPARED: Final = 256
"""Slots: events that may happen before the first of them is written."""

_READ_WITHIN: Final = 0.1
"""Seconds after an end in which the last output has come through the pipes."""

_SHORTEST_START: Final = 0.002
"""Seconds that a program takes at least until its first output."""

_CLOCKS_APART: Final = 0.01
"""Seconds by which a start may be noted after the first output of what was started."""

_WAITING: Final = 1000
"""Ends that wait for that; more at once go without last words."""

_PEACEFUL: Final = frozenset({ExitKind.NORMAL, ExitKind.SHUTDOWN, ExitKind.FINISHED})


@dataclass(slots=True)
class _Death:
    """An end, and between which times its last output has come; seconds since 1970."""

    event: Event
    after: float
    until: float = math.inf
    is_old: bool = False
    """Whether it has lived under a daemon before."""

    @property
    def next_life(self) -> float:
        """Before which nothing of the next life has come."""
        return self.event.at_wall if self.until == math.inf else self.until


class Chronicle:
    """Writes the journal of a tree.

    Args:
        journal: that it goes into.
        spare: keeps a text under a name, for the next daemon, and never blocks. The latest events
            are kept there too: who is killed may not have written them yet.
    """

    def __init__(self, journal: Journal, spare: Callable[[str, str], None]) -> None:
        self._journal, self._spare = journal, spare
        self._latest: dict[str, _Death] = {}  # of each, by address
        self._kept: dict[str, float] = {}  # when lives began that are older than we, by address
        self._died, self._deaths = trio.open_memory_channel[_Death](_WAITING)

    def hear(self, event: Event) -> None:
        """Keep an event. Never blocks."""
        if isinstance(event, SupervisorReport | TreeStarted):
            return  # they say again what others say
        line = line_of(event)
        self._spare(f"{_SPARE}{event.seq % _SPARED}", line.decode())
        self._journal.note_line(line)
        match event:
            case RestartScheduled(delay=delay):
                if (death := self._latest.get(event.address)) is not None:
                    death.until = event.at_wall + max(delay, _SHORTEST_START)
            case ChildKept(age=age):
                self._kept[event.address] = event.at_wall - age - _CLOCKS_APART
            case ChildForgotten():
                self._latest.pop(event.address, None)
                self._kept.pop(event.address, None)
            case ChildExited() | ChildStartFailed():
                self._mourn(event)

    def recover(self, notes: Mapping[str, str]) -> None:
        """Write what the daemon before has noted and not written.

        Args:
            notes: those that it has kept for us.
        """
        lines = [text.encode() for name, text in notes.items() if name.startswith(_SPARE)]
        for line in sorted(lines, key=seq_of):
            if seq_of(line) > self._journal.last_seq:
                self._journal.note_line(line)

    def begin(self, tree: Tree, passing: Passing) -> DaemonStarted:
        """Tell that the daemon begins, and return that event.

        Args:
            passing: how the one before has ended.
        """
        last = self._journal.last
        facts: dict[str, Any] = {"pid": os.getpid(), "version": __version__}
        facts["lost"] = last is not None and last["event"] != "daemon_stopped"
        if passing.upgrade is not None:
            failed = passing.upgrade["failed"]
            facts["lost"], facts["failed"] = False, failed or ""
            facts["upgrade"] = passing.upgrade["to" if failed else "before"]
        elif facts["lost"] and not (before := end_of(passing)).is_unknown:
            facts["how"] = str(before)
        return tree.tell(DaemonStarted, **facts)

    def end(self, tree: Tree) -> None:
        """Tell that the daemon ends in order."""
        tree.tell(DaemonStopped, pid=os.getpid())

    def _mourn(self, event: ChildExited | ChildStartFailed) -> None:
        before = self._latest.get(event.address)
        began = self._kept.pop(event.address, None)
        death = _Death(event, 0.0 if before is None else before.next_life)
        if began is not None:
            death.after, death.is_old = began, True
        self._latest[event.address] = death
        if event.reason.kind not in _PEACEFUL:
            with suppress(trio.WouldBlock):
                self._died.send_nowait(death)

    async def tend(self, words: LastWords) -> None:
        """Keep last words, for ever: what came after the life before, and before the next."""
        async for death in self._deaths:
            event = death.event
            await trio.sleep_until(event.at + _READ_WITHIN)
            if death.is_old:
                lines = await words.in_files(event.address, death.after, death.until)
            else:
                lines = words.in_memory(event.address, death.after, death.until)
            if lines:
                at_wall, place, said = event.at_wall, event.address, tuple(lines)
                self._journal.note(
                    LastLines(address=place, cause=event.seq, at_wall=at_wall, lines=said)
                )
