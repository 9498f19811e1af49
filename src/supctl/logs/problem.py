"""Telling of output that cannot be stored."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TypeAlias

OnProblem: TypeAlias = Callable[[str, int, int], None]
"""Hears of output that cannot be stored: address, the system's error number (0: it can be again),
bytes lost so far. Called in any thread, at the beginning and the end of an outbreak, and when the
capture is closed during one: it must not block."""

_log = logging.getLogger("supctl.logs")


def log_problem(address: str, number: int, lost: int) -> None:
    """Tell the log of this program: output that is held up or lost is never silent."""
    if number:
        why = os.strerror(number)
        _log.warning("%s: output cannot be stored: %s; %d bytes lost so far", address, why, lost)
    else:
        _log.warning("%s: output is stored again; %d bytes are lost", address, lost)
