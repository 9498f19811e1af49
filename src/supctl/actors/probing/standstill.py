"""Telling time in which a program was silent from time in which nobody here could listen."""

from __future__ import annotations

from typing import Final

import trio

_LATE: Final = 0.5
"""Seconds that a busy process may be late. Virtual time never is."""


def stood_still(due_at: float) -> bool:
    """Return whether this process stood still when ``due_at`` came, for which it has waited.

    It was stopped by a signal, or starved. What was said meanwhile has not been heard yet, so that
    whoever was silent must be given another chance.

    Args:
        due_at: by the clock of trio.
    """
    return trio.current_time() - due_at > _LATE
