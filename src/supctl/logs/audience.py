"""Who sees output beside its files."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeAlias

from .piece import Piece
from .stream import Stream

Tap: TypeAlias = Callable[[str, str, bytes], None]
"""Sees output too: address, ``"stdout"`` or ``"stderr"``, bytes; ``b""`` is the end of a life's
output. Called in a thread of the capture: it must not block. While it has an attribute ``is_idle``
that is true, nobody looks: of much that comes at once it is given the end only."""

_log = logging.getLogger("supctl.logs")


class Audience:
    """Shows what has come to those who count it, keep the end of it, and follow it."""

    def __init__(self, tap: Tap | None) -> None:
        self._tap = tap

    @property
    def wants_all(self) -> bool:
        """Whether the end of much is not enough."""
        return self._tap is not None and not getattr(self._tap, "is_idle", False)

    def show(self, stream: Stream | None, piece: Piece | None) -> None:
        """Show it. Behind the write: who waits for a line in its file does not wait for this."""
        if stream is None or piece is None or piece.shown is None:
            return
        if piece.shown:
            stream.came(piece.shown, piece.size, time.time())
        if self._tap is None:
            return
        try:
            self._tap(stream.address, stream.name, piece.shown)
        except Exception:  # who watches must not keep the output from its files
            _log.exception("a tap has failed; it sees nothing more")
            self._tap = None
