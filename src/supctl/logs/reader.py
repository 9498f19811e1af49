"""Reads all pipes in one thread, and leaves to another a log that is stuck."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from supctl.specs.log import WhenFull

from .audience import Audience
from .crowd import Crowd
from .file import MUCH
from .outlet import Outlet
from .peek import Peeker, enlarge, waiting_in
from .piece import Piece
from .poll import Poll
from .source import Source, Turnover
from .stream import Stream
from .turn import Turn, TurnIsOver, Turns
from .watching import FileWatch

_log = logging.getLogger("supctl.logs")

_SHOWN: Final = 16 * 1024
"""Bytes at the end of what came at once that are looked at, if nobody wants to see more."""

_LARGE_READ: Final = 32 * 1024
"""Bytes that come at once from an app whose pipe should be larger."""

_MOVE_PATIENCE: Final = 5.0
"""Seconds that others may still take to move what is in a pipe, when we are to end."""

_LIVES: Final = 64
"""Pipes of one stream that may wait for its log."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A pipe that is to be read from now on."""

    stream: Stream
    source: Source


Work: TypeAlias = Attached | Outlet | Callable[[], None]
"""What the reader is asked for: to read a pipe, to go on reading for an outlet, to do something."""


class Reader:
    """Reads what it is given, and closes it at its end.

    All state is touched by the thread whose turn it is, and by no other; :meth:`ask` is for all.

    Args:
        audience: sees all output.
        watch: tells of files that are not where they were.
        ended: is told of a stream whose last pipe has ended.
        finished: is called by the reader when it has ended.
    """

    def __init__(
        self,
        audience: Audience,
        watch: FileWatch,
        ended: Callable[[Stream], None],
        finished: Callable[[], None],
    ) -> None:
        self._audience, self._watch = audience, watch
        self._ended, self._finished = ended, finished
        self.close_at: float | None = None
        """When to end, on the monotonic clock, whatever is still open."""
        self._asked: deque[Work] = deque()
        self._sources: set[Source] = set()
        self._ready: dict[Source, None] = {}  # to be read now, in this order
        self._abandoned: list[tuple[int, Piece]] = []  # pipes that a thread may still use
        self._crowd, self._peeker, self._poll = Crowd(), Peeker(), Poll()
        if self._watch.fd >= 0:
            self._poll.add(self._watch.fd, self._watch)
        self._turns = Turns(self._run)
        self._turns.begin()

    def ask(self, work: Work) -> None:
        """Have ``work`` done by the reader. Not after its end."""
        self._asked.append(work)
        self._poll.wake_up()

    def wake_up(self) -> None:
        """Make the reader look around."""
        self._poll.wake_up()

    def close(self) -> None:
        """Close what is ours, and what nobody will read. In the reader's thread, at its end."""
        self._turns.close()
        for work in self._asked:
            if isinstance(work, Attached):
                os.close(work.source.fd)
        for fd, piece in self._abandoned:
            if piece.is_done:
                os.close(fd)
        self._peeker.close()
        self._poll.close()

    def _run(self, before: Turn) -> None:
        if before.outlet is not None:  # whose reader can do it only much later
            self._mind_room(before.outlet)
            for source in before.outlet.sources:
                self._await(source)
            self._audience.show(before.stream, before.piece)
        with suppress(TurnIsOver):
            self._take_asked()
            while not self._is_over():
                self._wait()
            self._end_all()
            self._finished()

    def _wait(self) -> None:
        if nap := self._crowd.nap(time.monotonic()):
            time.sleep(nap)
        left = None if self.close_at is None else max(0.0, self.close_at - time.monotonic())
        for what, has_hung_up in self._poll.wait(0.0 if self._ready else left):
            if what is None:
                self._take_asked()
            elif what is self._watch:
                self._watch.take()
            else:
                what.has_hung_up = has_hung_up
                self._ready[what] = None
        for _ in range(len(self._ready)):
            source = next(iter(self._ready))
            del self._ready[source]  # before it is read: our turn may be over then
            if source.fd < 0:
                continue
            if source.outlet.paused_at is not None:
                self._glance(source)
            elif self._read(source) and source.is_edge:
                self._ready[source] = None

    def _is_over(self) -> bool:
        if self.close_at is None or self._asked:
            return False
        return not self._sources or time.monotonic() >= self.close_at

    def _take_asked(self) -> None:
        self._poll.take_wake_ups()
        while self._asked:
            work = self._asked[0]  # not taken before it is done: our turn may be over before
            if isinstance(work, Attached):
                self._attach(work)
            elif isinstance(work, Outlet):
                self._resume(work)
            else:
                work()
            self._asked.popleft()

    # Pipes.

    def _attach(self, work: Attached) -> None:
        stream, source = work.stream, work.source
        for earlier in stream.sources:
            if not self._drain(earlier) and len(stream.sources) < _LIVES:
                break  # what follows must not be stored before it
        if stream.sources:  # held open; the line it may have begun is over nevertheless
            self._audience.show(stream, Piece(b"", b""))
        try:
            os.set_blocking(source.fd, False)
            source.look(self._peeker)
            self._await(source)
        except OSError:  # such as fs.epoll.max_user_watches: the others' output goes on
            _log.exception("output of %s is lost", stream.address)
            with suppress(OSError):
                os.close(source.fd)
            return
        stream.sources = (*stream.sources, source)
        source.outlet.sources = (*source.outlet.sources, source)
        self._sources.add(source)

    def _await(self, source: Source) -> None:
        """Have it read when something comes; while its log is full, looked at only."""
        is_paused = source.outlet.paused_at is not None
        self._poll.remove(source.fd)
        if source.can_peek or not is_paused:
            self._poll.add(source.fd, source, is_edge=is_paused or source.is_edge)

    def _glance(self, source: Source) -> None:
        """Show what is in the pipe, which stays there until its log takes it."""
        if not self._settle(source, is_urgent=False) and source.is_being_moved:
            return
        try:
            data = self._peeker.peek(source.fd, MUCH)
        except BlockingIOError:
            return
        self._audience.show(source.stream, source.glance(data))

    def _drain(self, source: Source) -> bool:
        """Store what is in the pipe now, and its end; not what a flood adds for ever.

        Return False if that cannot be: another thread moves what is in it.
        """
        if not self._settle(source, is_urgent=True):
            return False
        waiting = waiting_in(source.fd)
        while waiting >= 0 and (size := self._read(source, is_all=True)):
            waiting -= size
        return True

    def _read(self, source: Source, *, is_all: bool = False) -> int:
        """Store one piece of what is in the pipe; return its bytes, 0 if there is nothing new.

        ``is_all``: also what is in it of a line that has no end, whatever its log does.
        """
        is_urgent = is_all or source.outlet.log.when_full is not WhenFull.BLOCK
        if source.turnover is not None and (size := self._turn_over(source, source.turnover)):
            return size
        if not self._settle(source, is_urgent=is_urgent):
            return 0
        try:
            poured = self._pour(source)
            return self._take(source, is_all, is_urgent) if poured is None else poured
        except BlockingIOError:
            return 0

    def redirect(self, stream: Stream, turnover: Turnover) -> None:
        """Have what comes through the latest pipe of a stream stored elsewhere, from its next line
        on. In the reader's thread."""
        for source in stream.sources[-1:]:
            source.turnover = turnover
            self._turn_over(source, turnover)

    def _turn_over(self, source: Source, turnover: Turnover) -> int:
        """Bring the line that is begun to its end where it began, and have what follows go
        elsewhere, as far as that can be now. Return the bytes that were stored."""
        if not self._settle(source, is_urgent=True):
            return 0
        size = 0
        if not source.is_between_lines and self._peeker.can_peek(source.fd):
            size = self._store_rest_of_line(source)
            if not size or not self._settle(source, is_urgent=True):
                return size
        before = source.outlet
        if turnover.in_order and before.is_slow:
            return size
        before.sources = tuple(it for it in before.sources if it is not source)
        turnover.outlet.sources = (*turnover.outlet.sources, source)
        source.turn_over(self._peeker)
        self._await(source)
        self._store(before, Piece(b""))  # which closes its file, if nobody else uses it
        return size

    def _store_rest_of_line(self, source: Source) -> int:
        """Store what is in the pipe of the line that is begun, if that has an end; return its
        bytes."""
        try:
            data = self._peeker.peek(source.fd, source.writer.read_size)
        except OSError:
            return 0
        size = data.find(b"\n") + 1
        piece = source.piece_in(data[:size], time.time(), is_all=True) if size else None
        if piece is not None:
            self._note_read(source, size)
            self._store(source.outlet, piece, source.stream, source)
        return size

    def _take(self, source: Source, is_all: bool, is_urgent: bool) -> int:
        size, now = source.writer.read_size, time.time()
        piece: Piece | None
        try:
            if source.can_peek and not (is_urgent and source.outlet.is_slow):
                data = self._peeker.peek(source.fd, size)
                piece = source.piece_in(data, now, is_all=is_all)
            else:
                data = os.read(source.fd, size)
                piece = source.piece_of(data, now)
        except BlockingIOError:
            raise
        except OSError:
            data = b""
        if not data:
            self._end(source)
            return 0
        if piece is None:
            return 0
        self._note_read(source, len(data))
        self._store(source.outlet, piece, source.stream, source)
        return len(data)

    def _pour(self, source: Source) -> int | None:
        """Move all that is in the pipe; return its bytes. ``None``: it has to be looked at first,
        or has ended."""
        outlet = source.outlet
        if outlet.is_slow or not (source.can_peek and outlet.sink.is_exact) or source.has_seen:
            return None
        most = MUCH if source.seeker is not None or self._audience.wants_all else _SHOWN
        source.in_hand = piece = Piece(b"", pipe=source.fd)
        turn = self._turns.begin_write(outlet, source.stream, piece)
        poured = outlet.pour(source.fd, most)
        if poured is not None and poured.size:
            piece.shown, piece.size = poured.last, poured.size
        piece.is_done = True
        self._end_write(turn, outlet, piece)
        self._settle(source, is_urgent=False)
        return None if poured is None else poured.size

    def _note_read(self, source: Source, size: int) -> None:
        self._crowd.came(size)
        if not source.is_large and size >= _LARGE_READ:
            source.is_large = True
            enlarge(source.fd)

    def _settle(self, source: Source, *, is_urgent: bool) -> bool:
        """Take from the pipe what is stored; return whether it may be touched.

        ``is_urgent``: take it also if it is in hand only.
        """
        piece = source.in_hand
        if piece is None:
            return True
        if not piece.is_done and (source.is_being_moved or not is_urgent):
            return False
        source.in_hand = None
        if piece.is_given_back:
            source.take_back(piece)
        elif piece.is_poured and piece.shown is not None:
            self._note_read(source, piece.size)
            source.note_poured(piece.shown)
            self._audience.show(source.stream, piece)
        self._peeker.discard(source.fd, piece.covers)
        return True

    def _end(self, source: Source) -> None:
        stream, outlet = source.stream, source.outlet
        self._poll.remove(source.fd)
        if source.in_hand is None:
            os.close(source.fd)
        else:
            self._abandoned.append((source.fd, source.in_hand))
        source.fd = -1
        self._sources.remove(source)
        stream.sources = tuple(it for it in stream.sources if it is not source)
        outlet.sources = tuple(it for it in outlet.sources if it is not source)
        last = source.end(time.time())
        if not stream.sources:
            self._ended(stream)
        self._store(outlet, Piece(last, None if stream.sources else b""), stream)

    def _end_all(self) -> None:
        patience = (self.close_at or 0.0) + _MOVE_PATIENCE
        for source in tuple(self._sources):
            if not self._drain(source):
                source.outlet.wait_quick(patience - time.monotonic())
                self._drain(source)
        for source in tuple(self._sources):  # a stranger's
            self._end(source)

    # Storing.

    def _store(
        self,
        outlet: Outlet,
        piece: Piece,
        stream: Stream | None = None,
        source: Source | None = None,
    ) -> None:
        """Store a piece, and show it. The last thing that is done with it: our turn may be over
        then."""
        if source is not None and piece.covers:
            source.in_hand = piece
        if outlet.is_slow and outlet.put(piece):
            self._audience.show(stream, piece)
            self._mind_room(outlet)
            return
        turn = self._turns.begin_write(outlet, stream, piece)
        is_done = outlet.store(piece)
        self._end_write(turn, outlet, piece)
        if not is_done:
            outlet.hand_over(piece)
            self._mind_room(outlet)
        if source is not None:
            self._settle(source, is_urgent=outlet.log.when_full is not WhenFull.BLOCK)
        self._audience.show(stream, piece)

    def _end_write(self, turn: Turn, outlet: Outlet, piece: Piece) -> None:
        try:
            self._turns.end_write(turn)
        except TurnIsOver:
            outlet.serve(piece)
            raise

    def _mind_room(self, outlet: Outlet) -> None:
        """Let pipes be whose log is full: the apps will wait."""
        may_wait = outlet.log.when_full is not WhenFull.DROP
        if outlet.is_full and may_wait and outlet.paused_at is None:
            outlet.pause(time.monotonic())
            for source in outlet.sources:
                self._await(source)

    def _resume(self, outlet: Outlet) -> None:
        if outlet.paused_at is None or outlet.is_full:
            return
        outlet.resume(time.monotonic())
        for source in outlet.sources:
            if source is not source.stream.sources[-1]:  # of an earlier life, which comes first
                self._drain(source)
            if outlet.paused_at is not None:
                return
        for source in outlet.sources:
            self._await(source)

    def rotate(self, outlet: Outlet) -> None:
        """Rotate the file of an outlet, soon. In the reader's thread."""
        outlet.is_asked = True
        self._store(outlet, Piece(b""))
