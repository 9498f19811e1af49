"""What the daemon says of itself, written by a thread: a disk that hangs must not hang the rest."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MOST: Final = 10_000
"""Lines that may wait to be written."""

_LAST_WORDS: Final = 5.0
"""Seconds for writing what waits when the daemon ends."""

_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"


class Logbook(logging.Handler):
    """Writes lines, in a thread of its own. Whoever says something never waits for that.

    What cannot be written, because too much waits or by a fault of the disk, is left out; how
    many lines that were is written when it is possible again.

    Args:
        fd: where to; it stays its owner's.
        most: lines that may wait.
        last_words: seconds for writing them at the end.
    """

    def __init__(self, fd: int, most: int = _MOST, last_words: float = _LAST_WORDS) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
        self._fd, self._last_words = fd, last_words
        self._waiting: queue.Queue[str | None] = queue.Queue(most)
        # One is of who says something, the other two are of the writer: no lock is needed.
        self._refused = self._failed = self._told = 0
        self._writer = threading.Thread(target=self._write_all, name="logbook", daemon=True)
        self._writer.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written."""
        try:
            self._waiting.put_nowait(self.format(record))
        except queue.Full:
            self._refused += 1

    def close(self) -> None:
        """Return when all is written, or the disk has had its time. Nothing is said after that."""
        super().close()
        try:
            self._waiting.put(None, timeout=self._last_words)
        except queue.Full:
            return  # it hangs, and what waits is lost with us
        self._writer.join(self._last_words)

    def _write_all(self) -> None:
        while (line := self._waiting.get()) is not None:
            if not self._write(line):
                self._failed += 1
            if self._waiting.empty():
                self._tell_lost()
        self._tell_lost()

    def _tell_lost(self) -> None:
        lost = self._refused + self._failed - self._told
        if lost and self._write(f"... {lost} lines are left out: they could not be written"):
            self._told += lost

    def _write(self, line: str) -> bool:
        data = f"{line}\n".encode(errors="backslashreplace")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            return False
        return True


@contextmanager
def open_logbook(fd: int) -> Iterator[None]:
    """Have what is logged within the block, but for details, written to ``fd``."""
    book, root = Logbook(fd), logging.getLogger()
    before = root.level
    root.addHandler(book)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(book)
        root.setLevel(before)
        book.close()
