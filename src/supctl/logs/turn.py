"""Whose turn it is to read: another thread's, when one is stuck in a write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from .outlet import Outlet
from .piece import Piece
from .stream import Stream
from .watchdog import Watchdog


class TurnIsOver(Exception):
    """Another thread is the reader by now."""


@dataclass(slots=True, eq=False)
class Turn:
    """One thread's time as the reader."""

    number: int = 0
    """Odd while something is written."""
    outlet: Outlet | None = None
    stream: Stream | None = None
    piece: Piece | None = None
    is_over: bool = False


class Turns:
    """Gives threads their turns.

    Args:
        read: reads, in a thread of its own, until that turn is over; is told of the one before.
    """

    def __init__(self, read: Callable[[Turn], None]) -> None:
        self._read = read
        self._turn = Turn()
        self._lock = threading.Lock()
        self._watchdog = Watchdog(lambda: self._turn.number, self._pass)

    def begin(self, before: Turn | None = None) -> None:
        """Have a thread read."""
        name, details = "supctl-capture", (before or Turn(),)
        threading.Thread(target=self._read, args=details, name=name, daemon=True).start()

    def begin_write(self, outlet: Outlet, stream: Stream | None, piece: Piece) -> Turn:
        """Note that ``piece`` is being written, in the thread whose turn it is."""
        turn = self._turn
        turn.outlet, turn.stream, turn.piece = outlet, stream, piece
        turn.number += 1
        self._watchdog.wake()
        return turn

    def end_write(self, turn: Turn) -> None:
        """Note that it has returned.

        Raises:
            TurnIsOver: too late. The outlet is this thread's, and nothing else.
        """
        with self._lock:
            turn.number += 1
            if turn.is_over:
                raise TurnIsOver

    def close(self) -> None:
        """Look after them no more."""
        self._watchdog.close()

    def _pass(self, number: int) -> None:
        """Let another thread read; the present one keeps the log that it is stuck in."""
        with self._lock:
            turn = self._turn
            if turn.number != number or turn.outlet is None or turn.piece is None:
                return
            turn.is_over = True
            turn.outlet.seize(turn.piece)
            self._turn = Turn()
        self.begin(turn)
