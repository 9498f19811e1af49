"""A daemon that crashes does so at once, and leaves everything to the next."""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from supctl.backends.reaper.protocol import Passing
from supctl.errors import SupctlError
from supctl.exits import ExitStatus

_log = logging.getLogger("supctl.daemon")

_FAULT: Final = 70
"""Exit status after a fault of ours (``EX_SOFTWARE`` of sysexits.h)."""

_MISTAKE: Final = 2


@contextmanager
def ending_at_once(last_words: Path) -> Iterator[None]:
    """End this process if the block raises, without ending anything that it supervises.

    What is under way in other tasks is not unwound: that would stop programs, which live on
    under the next daemon.

    Args:
        last_words: file that is to hold what it was.
    """
    try:
        yield
    except SupctlError as error:
        _log.critical("the daemon ends, what runs is not touched: %s", error)
        _end(_MISTAKE, f"{error}\n", last_words)
    except BaseException:
        _log.critical("the daemon ends by a fault, what runs is not touched", exc_info=True)
        _end(_FAULT, traceback.format_exc(), last_words)


def end_of(passing: Passing) -> ExitStatus:
    """Return how the process of the daemon before has ended."""
    if passing.ended is None:
        return ExitStatus()
    code = os.waitstatus_to_exitcode(passing.ended)
    return ExitStatus(code=code) if code >= 0 else ExitStatus(signal=-code)


def loss_of(passing: Passing, last_words: Path) -> dict[str, Any]:
    """Return how the daemon before was lost: ``how``, ``ago`` (seconds), and ``crash``, what it has
    said if it ended by a fault of its own."""
    status, said = end_of(passing), None
    with suppress(OSError):
        said = last_words.read_text() if status.code else None
    return {"how": str(status), "ago": time.monotonic() - passing.at, "crash": said}


def _end(status: int, said: str, last_words: Path) -> NoReturn:
    with suppress(OSError):
        last_words.write_text(said)
    logging.shutdown()  # which writes what was said
    os._exit(status)
