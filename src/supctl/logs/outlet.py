"""Where one log is written: at once as long as that is quick, else by a thread of its own."""

from __future__ import annotations

import errno
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from supctl.specs import Log
from supctl.specs.log import BUFFER, WhenFull

from .meter import Latencies
from .piece import Piece
from .problem import OnProblem
from .sink import Poured, Sink

_log = logging.getLogger("supctl.logs")

_LINGER: Final = 1.0
"""Seconds that a thread waits for more before a log counts as quick again."""

_SLOW: Final = 0.01
"""Seconds; a write that takes longer is slow."""

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0
"""Seconds until a sink that refuses bytes is asked again; the delay doubles."""


class State(StrEnum):
    """How things stand with an outlet."""

    OK = "ok"
    SLOW = "slow"
    """A thread of its own writes, and output waits for it."""
    FAILING = "failing"
    """The sink refuses bytes; it is asked again after a delay."""


class Closing:
    """Tells all who wait for a slow log that they need not any more."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.fd, self._write_fd = os.pipe2(os.O_CLOEXEC)

    def begin(self) -> None:
        """Tell them. A second time does nothing."""
        if not self.event.is_set():
            self.event.set()
            os.write(self._write_fd, b"\0")

    def wait_writable(self, fd: int) -> None:
        """Wait until ``fd`` takes bytes, or we are closing."""
        if not self.event.is_set():
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.register(self.fd, select.POLLIN)
            poll.poll()

    def close(self) -> None:
        """Close the descriptors; nobody waits."""
        os.close(self.fd)
        os.close(self._write_fd)


class Outlet:
    """Writes to one sink, for one or several streams.

    Whoever reads the pipes writes here too, with :meth:`store`, while :attr:`is_slow` is false.
    Otherwise a thread has the sink, and what comes is :meth:`put` before it. The lock guards the
    hand-over; the sink is only used by whose turn it is.

    Args:
        address: of the app whose output it is; of the first one, if there are several.
        sink: where to.
        log: its policy.
        closing: ends the waiting.
        on_problem: hears of what cannot be stored.
        on_room: called when a log that was full has room again. In any thread.
    """

    __slots__ = (
        *("_backlog", "_closing", "_delay", "_lock", "_on_problem", "_on_room", "_ready", "_size"),
        *("address", "blocked", "capacity", "errno", "is_asked", "is_slow", "latencies"),
        *("log", "lost", "paused_at", "sink", "slow_until", "sources", "write_errors"),
    )

    def __init__(
        self,
        address: str,
        sink: Sink,
        log: Log,
        closing: Closing,
        on_problem: OnProblem,
        on_room: Callable[[Outlet], None],
    ) -> None:
        self.address, self.sink, self.log = address, sink, log
        self._closing, self._on_problem, self._on_room = closing, on_problem, on_room
        # Where the app is to wait its bytes stay in its pipe, but for those in hand.
        self.capacity = 1 if log.when_full is WhenFull.BLOCK else log.buffer or BUFFER
        self.sources: tuple[Any, ...] = ()
        """Pipes whose output comes here; without any, the file is closed."""
        self.is_slow = self.is_asked = False
        self.errno = 0
        self.paused_at: float | None = None
        """Since when the pipes are not emptied, on the monotonic clock."""
        self.blocked = 0.0
        self.lost = self.write_errors = 0
        self.latencies: Latencies | None = None
        self.slow_until = 0.0
        self._delay = _FIRST_DELAY
        self._size = 0
        self._backlog: deque[Piece] | None = None
        self._lock = threading.Lock()
        self._ready: threading.Condition | None = None

    @property
    def state(self) -> State:
        """How things stand."""
        if self.errno:
            return State.FAILING
        return State.SLOW if self.is_slow else State.OK

    @property
    def error(self) -> str:
        """Why the sink refuses bytes; empty if it does not."""
        return os.strerror(self.errno) if self.errno else ""

    @property
    def is_free(self) -> bool:
        """Whether nothing comes here now, and nothing waits."""
        return not self.sources and not self.is_slow

    @property
    def waiting(self) -> int:
        """Bytes that wait in memory."""
        return self._size

    @property
    def is_full(self) -> bool:
        """Whether no more should be read for it."""
        return self._size >= self.capacity

    # For whoever reads the pipes.

    def store(self, piece: Piece) -> bool:
        """Store ``piece``; return whether that is done: if not, :meth:`hand_over` is next.

        May block for as long as the disk does.
        """
        try:
            if self.is_asked:
                self._rotate()
            while piece.left:
                self._write(piece)
            if not self.sources:
                self.sink.close()
        except BlockingIOError:
            return False
        except OSError as error:
            self._note_error(error)
        piece.is_done = not piece.left
        return piece.is_done

    def pour(self, pipe: int, most: int) -> Poured | None:
        """Have the sink :meth:`~.sink.Sink.pour`; ``None`` also when that has failed.

        May block for as long as the disk does.
        """
        if self.is_asked or not self.sink.is_exact:
            return None
        begun = time.perf_counter_ns()
        try:
            poured = self.sink.pour(pipe, most)
        except OSError:
            return None
        if poured is not None and poured.size:
            self._note_written(begun)
        return poured

    def hand_over(self, piece: Piece) -> None:
        """Let a thread of its own store ``piece`` and what comes after it."""
        self.seize(piece)
        name = "supctl-slow-log"
        threading.Thread(target=self.serve, args=(piece,), name=name, daemon=True).start()

    def seize(self, piece: Piece) -> None:
        """Have it written by a thread, which has ``piece`` in its hands."""
        with self._lock:
            self._backlog, self._ready = deque(), threading.Condition(self._lock)
            self._size, self.is_slow = piece.weight, True

    def put(self, piece: Piece) -> bool:
        """Leave ``piece`` to the thread that writes; return False if there is none any more."""
        with self._lock:
            if not self.is_slow:
                return False
            assert self._backlog is not None
            assert self._ready is not None
            self._backlog.append(piece)
            self._size += piece.weight
            self._ready.notify()
            return True

    def wait_quick(self, patience: float) -> bool:
        """Wait until nothing waits, ``patience`` seconds at most; return whether that is so."""
        with self._lock:
            if not self.is_slow:
                return True
            assert self._ready is not None
            self.slow_until = 0.0
            self._ready.notify_all()
            return self._ready.wait_for(lambda: not self.is_slow, max(0.0, patience))

    def pause(self, now: float) -> None:
        """Note that the pipes are not emptied any more."""
        self.paused_at = now

    def resume(self, now: float) -> None:
        """Note that they are."""
        if self.paused_at is not None:
            self.blocked += now - self.paused_at
            self.paused_at = None

    # For the thread that has the sink.

    def serve(self, piece: Piece) -> None:
        """Store ``piece`` and all that waits, until the sink is quick again or we are closing."""
        current: Piece | None = piece
        while current is not None:
            self._store_at_last(current)
            current.is_done = True
            current = self._next(current.weight)

    def _next(self, done: int) -> Piece | None:
        with self._lock:
            assert self._backlog is not None
            assert self._ready is not None
            was_full = self.is_full
            self._size -= done
            if was_full and not self.is_full:
                self._on_room(self)
            while not self._backlog:
                left = self.slow_until - time.monotonic()
                if left <= 0 or self._closing.event.is_set():
                    if not self.sources:
                        self.sink.close()
                    self.is_slow = False
                    self._backlog = None
                    self._ready.notify_all()
                    return None
                self._ready.wait(left)
            return self._backlog.popleft()

    def _store_at_last(self, piece: Piece) -> None:
        said_closed = False
        while piece.left:
            try:
                if self.is_asked:
                    self._rotate()
                self._write(piece)
            except OSError as error:
                if piece.pipe >= 0:
                    piece.give_back()
                    self._wait(error)
                    return
                if said_closed:  # it had its last chance
                    self._lose(piece.left, error)
                    return
                said_closed = self._wait(error)
            else:
                said_closed = False

    def _wait(self, error: OSError) -> bool:
        """Wait until the sink is worth another attempt; return whether it will be the last."""
        if isinstance(error, BlockingIOError) and (fd := self.sink.wait_fd()) >= 0:
            self.slow_until = time.monotonic() + _LINGER
            self._closing.wait_writable(fd)
        else:
            self._note_error(error)
            self._closing.event.wait(self._delay)
            self._delay = min(2 * self._delay, _LONGEST_DELAY)
        return self._closing.event.is_set()

    def _lose(self, size: int, error: OSError) -> None:
        self.lost += size
        self.errno = self.errno or error.errno or errno.EIO

    # Both.

    def _write(self, piece: Piece) -> None:
        begun = time.perf_counter_ns()
        moved = 0
        if piece.pipe >= 0:
            moved = self.sink.move(piece.pipe, piece.data, piece.start)
        if moved:
            piece.covers -= moved
        else:
            piece.pipe = -1
            moved = self.sink.write(piece.data, piece.start)
        piece.start += moved
        self._note_written(begun)

    def _note_written(self, begun: int) -> None:
        taken = time.perf_counter_ns() - begun
        if self.latencies is None:
            self.latencies = Latencies()
        self.latencies.note(taken)
        if taken > _SLOW * 1e9:
            self.slow_until = time.monotonic() + _LINGER
        if self.errno:
            self.errno, self._delay = 0, _FIRST_DELAY
            self._tell(0)

    def _rotate(self) -> None:
        self.is_asked = False
        try:
            self.sink.rotate()
        except OSError as error:
            _log.warning("a log cannot be rotated: %s", error)

    def _note_error(self, error: OSError) -> None:
        self.write_errors += 1
        self.sink.close()  # opened anew at the next attempt: it may be another by then
        number = error.errno or errno.EIO
        if not self.errno:
            self.errno = number
            self._tell(number)
        self.errno = number

    def tell(self) -> None:
        """Tell how things stand, if they do not stand well."""
        if self.errno:
            self._tell(self.errno)

    def _tell(self, number: int) -> None:
        try:
            self._on_problem(self.address, number, self.lost)
        except Exception:  # who listens must not keep the output from the files
            _log.exception("a listener to problems has failed")
