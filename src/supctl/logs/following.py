"""Reading on: what others write to a file, as they write it."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .tail import tail_of

_BLOCK: Final = 64 * 1024
_PAUSE: Final = 0.2
"""Seconds between two looks where the system does not tell of changes."""


def follow(path: Path, count: int) -> Iterator[bytes]:
    """Yield the last lines of a file, and what is appended to it from then on, without end; also
    when it is another file by then, or there is none yet. For the main thread of a program that
    does nothing else.

    Args:
        count: of the last lines.

    Raises:
        OSError: its directory, or the file, cannot be read.
    """
    with _changes_in(path.parent) as wait:
        fd = _open(path)
        try:
            if fd is not None:
                end = os.lseek(fd, 0, os.SEEK_END)
                yield from (line + b"\n" for line in tail_of(fd, end, count))
                os.lseek(fd, end, os.SEEK_SET)
            while True:
                if fd is not None:
                    yield from _rest(fd)
                if fd is None or _is_another(path, fd):
                    if fd is not None:
                        os.close(fd)
                    fd = _open(path)
                    if fd is not None:
                        continue
                wait()
        finally:
            if fd is not None:
                os.close(fd)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _rest(fd: int) -> Iterator[bytes]:
    if os.lseek(fd, 0, os.SEEK_CUR) > os.fstat(fd).st_size:
        os.lseek(fd, 0, os.SEEK_SET)  # somebody has emptied it
    while data := os.read(fd, _BLOCK):
        yield data


def _is_another(path: Path, fd: int) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(fd)
    return (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino)


@contextmanager
def _changes_in(directory: Path) -> Iterator[Callable[[], object]]:
    """Give a function that returns when something in a directory may have changed.

    The kernel tells by a signal (``F_NOTIFY`` of fcntl(2)), where it can.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
    try:
        changes = fcntl.DN_MODIFY | fcntl.DN_CREATE | fcntl.DN_RENAME | fcntl.DN_MULTISHOT
        fcntl.fcntl(fd, fcntl.F_NOTIFY, changes)
    except (AttributeError, OSError):
        wait: Callable[[], object] = _pause
    else:
        wait = _wait
    try:
        yield wait
    finally:
        os.close(fd)
        while signal.sigtimedwait([signal.SIGIO], 0) is not None:
            pass  # a change that nobody wants to know of any more
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait() -> None:
    signal.sigwaitinfo([signal.SIGIO])


def _pause() -> None:
    time.sleep(_PAUSE)
