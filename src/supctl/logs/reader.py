"""Reads all pipes in one thread, and leaves to another a log that is stuck."""

from __future__ import annotations

import fcntl
import logging
import os
import selectors
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from supctl.specs.log import WhenFull

from .crowd import Crowd
from .outlet import Outlet
from .stream import Source, Stream
from .watchdog import Watchdog
from .watching import FileWatch

Tap: TypeAlias = Callable[[str, str, bytes], None]
"""Sees output too: address, ``"stdout"`` or ``"stderr"``, bytes; ``b""`` is the end of a life's
output. Called in a thread of the capture: it must not block."""

_log = logging.getLogger("supctl.logs")

_LARGE_PIPE: Final = 256 * 1024
"""Bytes of a pipe whose app writes a lot; more would not fit the cache of a processor."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A pipe that is to be read from now on."""

    stream: Stream
    source: Source


Work: TypeAlias = Attached | Outlet | Callable[[], None]
"""What the reader is asked for: to read a pipe, to go on reading for an outlet, to do something."""


@dataclass(slots=True, eq=False)
class _Turn:
    """One thread's time as the reader; another's begins when it is stuck in a write."""

    number: int = 0
    """Odd while something is written."""
    outlet: Outlet | None = None
    stream: Stream | None = None
    shown: bytes | None = None
    size: int = 0
    is_over: bool = False


class _TurnIsOver(Exception):
    """Another thread is the reader by now."""


class Reader:
    """Reads what it is given, and closes it at its end.

    All state is touched by the thread whose turn it is, and by no other; :meth:`ask` is for all.

    Args:
        tap: sees all output.
        watch: tells of files that are not where they were.
        ended: is told of a stream whose last pipe has ended.
        finished: is called by the reader when it has ended.
    """

    def __init__(
        self,
        tap: Tap | None,
        watch: FileWatch,
        ended: Callable[[Stream], None],
        finished: Callable[[], None],
    ) -> None:
        self._tap, self._watch = tap, watch
        self._ended, self._finished = ended, finished
        self.close_at: float | None = None
        """When to end, on the monotonic clock, whatever is still open."""
        self._turn = _Turn()
        self._turn_lock = threading.Lock()
        self._asked: deque[Work] = deque()
        self._sources: set[Source] = set()
        self._crowd = Crowd()
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        if self._watch.fd >= 0:
            self._selector.register(self._watch.fd, selectors.EVENT_READ, self._watch)
        self._watchdog = Watchdog(lambda: self._turn.number, self._pass_turn)
        self._begin_turn(_Turn())

    def ask(self, work: Work) -> None:
        """Have ``work`` done by the reader. Not after its end."""
        self._asked.append(work)
        self.wake_up()

    def wake_up(self) -> None:
        """Make the reader look around."""
        with suppress(BlockingIOError):  # it is full of wake-ups already
            os.write(self._wake, b"\0")

    def close(self) -> None:
        """Close what is ours, and what nobody will read. In the reader's thread, at its end."""
        self._watchdog.close()
        for work in self._asked:
            if isinstance(work, Attached):
                os.close(work.source.fd)
        for fd in (self._wakeup, self._wake):
            os.close(fd)
        self._selector.close()

    # The turn.

    def _begin_turn(self, before: _Turn) -> None:
        name = "supctl-capture"
        threading.Thread(target=self._run, args=(before,), name=name, daemon=True).start()

    def _pass_turn(self, number: int) -> None:
        """Let another thread read; the present one keeps the log that it is stuck in."""
        with self._turn_lock:
            turn = self._turn
            if turn.number != number or turn.outlet is None:
                return
            turn.is_over = True
            turn.outlet.seize(turn.size)
            self._turn = _Turn()
        self._begin_turn(turn)

    def _run(self, before: _Turn) -> None:
        self._show(before.stream, before.shown)  # whose reader can do it only much later
        with suppress(_TurnIsOver):
            self._take_asked()
            while not self._is_over():
                self._wait()
            self._end_all()
            self._finished()

    def _wait(self) -> None:
        if nap := self._crowd.nap(time.monotonic()):
            time.sleep(nap)
        left = None if self.close_at is None else max(0.0, self.close_at - time.monotonic())
        for key, _ in self._selector.select(left):
            if key.data is None:
                self._take_asked()
            elif key.data is self._watch:
                self._watch.take()
            elif key.data.fd == key.fd:  # not ended in this very turn
                self._read(key.data)

    def _is_over(self) -> bool:
        if self.close_at is None or self._asked:
            return False
        return not self._sources or time.monotonic() >= self.close_at

    def _take_asked(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wakeup, 4096)
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
            self._drain(earlier)
        if stream.sources:  # held open; the line it may have begun is over nevertheless
            self._show(stream, b"")
        try:
            os.set_blocking(source.fd, False)
            if source.outlet.paused_at is None:
                self._selector.register(source.fd, selectors.EVENT_READ, source)
        except OSError:  # such as fs.epoll.max_user_watches: the others' output goes on
            _log.exception("output of %s is lost", stream.address)
            with suppress(OSError):
                os.close(source.fd)
            return
        stream.sources = (*stream.sources, source)
        source.outlet.sources = (*source.outlet.sources, source)
        self._sources.add(source)

    def _drain(self, source: Source) -> None:
        """Store what is in the pipe now, and its end; not what a flood adds for ever."""
        (waiting,) = struct.unpack("i", fcntl.ioctl(source.fd, termios.FIONREAD, bytes(4)))
        while waiting >= 0 and (size := self._read(source)):
            waiting -= size

    def _read(self, source: Source) -> int:
        """Store one piece of what is in the pipe; return its bytes, 0 if there is none."""
        try:
            data = os.read(source.fd, source.writer.read_size)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if not data:
            self._end(source)
            return 0
        if not source.is_large and len(data) == source.writer.read_size:
            source.is_large = True
            with suppress(OSError):  # we have too many of them, or another system
                fcntl.fcntl(source.fd, fcntl.F_SETPIPE_SZ, _LARGE_PIPE)
        self._crowd.came(len(data))
        self._store(source.outlet, source.take(data, time.time()), source.stream, data)
        return len(data)

    def _end(self, source: Source) -> None:
        stream, outlet = source.stream, source.outlet
        with suppress(KeyError):  # it is not watched while nobody reads it
            self._selector.unregister(source.fd)
        os.close(source.fd)
        source.fd = -1
        self._sources.remove(source)
        stream.sources = tuple(it for it in stream.sources if it is not source)
        outlet.sources = tuple(it for it in outlet.sources if it is not source)
        last = source.end(time.time())
        if not stream.sources:
            self._ended(stream)
        self._store(outlet, last, stream, None if stream.sources else b"")

    def _end_all(self) -> None:
        for source in tuple(self._sources):
            self._drain(source)
        for source in tuple(self._sources):  # a stranger's
            self._end(source)

    # Storing.

    def _store(
        self,
        outlet: Outlet,
        data: bytes,
        stream: Stream | None = None,
        shown: bytes | None = None,
    ) -> None:
        """Store ``data``, and show what it was made of. The last thing that is done with either:
        our turn may be over then."""
        if outlet.is_slow and outlet.put(data):
            self._show(stream, shown)
            self._mind_room(outlet)
            return
        turn = self._turn
        turn.outlet, turn.stream, turn.shown, turn.size = outlet, stream, shown, len(data)
        turn.number += 1
        self._watchdog.wake()
        left = outlet.store(data)
        with self._turn_lock:
            turn.number += 1
            turn.outlet = None
        if turn.is_over:
            outlet.serve(left, turn.size)
            raise _TurnIsOver
        if left:
            outlet.hand_over(left)
        self._show(stream, shown)

    def _mind_room(self, outlet: Outlet) -> None:
        """Let pipes be whose log is full: the apps will wait."""
        if outlet.is_full and outlet.log.when_full is not WhenFull.DROP:
            if outlet.paused_at is None:
                outlet.pause(time.monotonic())
            for source in outlet.sources:
                with suppress(KeyError):
                    self._selector.unregister(source.fd)

    def _resume(self, outlet: Outlet) -> None:
        if outlet.paused_at is not None and not outlet.is_full:
            outlet.resume(time.monotonic())
            for source in outlet.sources:
                self._selector.register(source.fd, selectors.EVENT_READ, source)

    def rotate(self, outlet: Outlet) -> None:
        """Rotate the file of an outlet, soon. In the reader's thread."""
        outlet.is_asked = True
        self._store(outlet, b"")

    # Behind the write: who waits for a line in the file does not wait for this.

    def _show(self, stream: Stream | None, data: bytes | None) -> None:
        """Count it, keep the end of it in memory, and show it to who watches."""
        if stream is None or data is None:
            return
        if data:
            stream.came(data, time.time())
        if self._tap is None:
            return
        try:
            self._tap(stream.address, stream.name, data)
        except Exception:  # who watches must not keep the output from its files
            _log.exception("a tap has failed; it sees nothing more")
            self._tap = None
