"""The files of a shared app: ``NAME.sock``, ``.lock``, ``.err`` and ``.logs`` in one directory."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import BinaryIO


def path_of(place: Path, kind: str) -> Path:
    """Return one of them; ``place`` is the path they share."""
    return place.with_name(f"{place.name}.{kind}")


def lock_file(place: Path) -> BinaryIO:
    """Return the lock of a shared app, locked until it is closed. Waits for who has it.

    Who connects to the keeper, or starts one, has it until the keeper counts the connection; the
    keeper has it while it decides to end.
    """
    lock = open(path_of(place, "lock"), "ab")  # noqa: SIM115  # the caller closes it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except BaseException:
        lock.close()
        raise
    return lock
