"""Writes events to the journal, in a thread of its own: nobody waits for its disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias

from supctl.events import Event, EventsMissed

from .record import line_of
from .segments import Segments

_log = logging.getLogger("supctl.journal")

_WAITING: Final = 10_000
"""Events that wait for a disk that is stuck, some 5 MB; those beyond are counted, and lost."""

_TOGETHER: Final = 64
"""Events that are written at once when many wait."""

_AGAIN: Final = 5.0
"""Seconds after which a disk that has failed is tried again."""

_Item: TypeAlias = "Event | threading.Event | None"


class Journal:
    """Keeps events. Its methods may be called in any thread; only two of them block.

    An event is handed to the kernel as soon as the thread gets its turn, a millisecond after it
    was noted or so: if this process is killed, that is what may be lost.

    Args:
        segments: the files.

    Attributes:
        last: event of before, as :meth:`supctl.events.Event.as_dict` tells it; ``None`` if no
            event is known.
    """

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._missed = 0
        self._failed_at: float | None = None
        self.last: dict[str, Any] | None = None
        self._open()
        self._thread = threading.Thread(target=self._write, name="supctl-journal", daemon=True)
        self._thread.start()

    @classmethod
    def at(cls, directory: Path) -> Journal:
        """Return the journal in a directory, which is made if need be. Blocks.

        One that cannot be opened is logged, and tried again when there is something to write.
        """
        return cls(Segments(directory))

    @property
    def last_seq(self) -> int:
        """Number of the last event of before; 0 if none is known."""
        return 0 if self.last is None else int(self.last["seq"])

    def note(self, event: Event) -> None:
        """Keep an event. Never blocks, and never fails: what cannot be kept is logged."""
        if self._queue.qsize() >= _WAITING:
            self._missed += 1
            return
        self._queue.put(event)

    def settle(self, patience: float) -> bool:
        """Return when all that was noted so far is written, or ``patience`` seconds are over;
        tell which."""
        is_written = threading.Event()
        self._queue.put(is_written)
        return is_written.wait(patience)

    def close(self, patience: float = 2.0) -> None:
        """Write what waits and end. A disk that is stuck is not waited for any longer than
        ``patience`` seconds."""
        self._queue.put(None)
        self._thread.join(patience)
        if self._thread.is_alive():
            _log.error("the journal's disk is stuck: its last events are lost")

    # In its thread.

    def _write(self) -> None:
        for batch in self._batches():
            lines = [line_of(event) for event in batch if isinstance(event, Event)]
            if lines:
                self._append(lines)
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()
        self._segments.close()

    def _batches(self) -> Iterator[list[_Item]]:
        """Yield what was noted, for ever or until :meth:`close`."""
        while True:
            batch: list[_Item] = [self._queue.get()]
            try:
                while len(batch) < _TOGETHER:
                    batch.append(self._queue.get_nowait())
            except Empty:
                pass
            if None in batch:
                yield batch[: batch.index(None)]
                return
            yield batch

    def _append(self, lines: list[bytes]) -> None:
        if self._failed_at is not None and time.monotonic() < self._failed_at + _AGAIN:
            self._missed += len(lines)
            return
        missed = self._missed
        if missed:
            gap = EventsMissed(address="/", count=missed, at_wall=time.time())
            lines = [line_of(gap), *lines]
        try:
            if not self._segments.is_open:
                self._segments.open()
            self._segments.append(b"".join(lines))
        except OSError as error:
            self._fail(error, len(lines) - bool(missed))
        else:
            self._missed -= missed
            self._failed_at = None

    def _open(self) -> None:
        try:
            self.last = self._segments.open()
        except OSError as error:
            self._fail(error, 0)

    def _fail(self, error: OSError, lost: int) -> None:
        if self._failed_at is None:
            _log.warning("the journal is not written, and tried again soon: %s", error)
        self._failed_at = time.monotonic()
        self._missed += lost
