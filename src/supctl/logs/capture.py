"""Brings output from pipes into files: one thread for all apps, asleep while none writes."""

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
from typing import Final, TypeAlias

from .directory import LogDirectory
from .file import LogFile, OnProblem, log_problem
from .seek import Seek, Seeker

Tap: TypeAlias = Callable[[str, str, bytes], None]
"""Sees output too: address, ``"stdout"`` or ``"stderr"``, bytes; ``b""`` is the end of a life's
output. Called in the capture's thread: it must not block."""

_log = logging.getLogger("supctl.logs")

_READ_SIZE: Final = 256 * 1024

LAST_WORDS: Final = 4096
"""Bytes at the end of a life's output that are kept for who asks."""

LastWords: TypeAlias = Callable[[bytes], None]

_DISK_PATIENCE: Final = 10.0
"""Seconds that storing the pipes' last bytes may take. Longer, and the disk is stuck (a network
file system whose server is gone): that must not keep this program from ending."""


class _Stream:
    """One app's stdout or stderr, over all its lives."""

    __slots__ = ("file", "sources")

    def __init__(self, file: LogFile) -> None:
        self.file = file
        self.sources: list[int] = []
        """Pipes, oldest first; more than one if a stranger still holds that of an earlier life."""


class Capture:
    """Writes all output that it is given to files, bytes as they come.

    Its methods may be called in any thread and do not block, but for :meth:`close`.

    Args:
        directory: says which file is whose.
        tap: sees all output too.
        on_problem: hears of what cannot be stored. The apps run on either way: a full disk is
            no reason to stop them, and a pipe that nobody empties would.
    """

    def __init__(
        self,
        directory: LogDirectory,
        tap: Tap | None = None,
        on_problem: OnProblem = log_problem,
    ) -> None:
        self._directory = directory
        self._tap = tap
        self._on_problem = on_problem
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._lock = threading.Lock()  # guards the end: who attaches is before it or after it
        self._new: deque[tuple[str, str, int, LastWords | None, Seek | None]] = deque()
        self._seekers: dict[int, Seeker] = {}  # by pipe
        self._last_words: dict[int, tuple[bytearray, LastWords]] = {}  # by pipe
        self._close_at: float | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="supctl-capture", daemon=True)
        self._thread.start()

    def attach(
        self,
        address: str,
        stream: str,
        fd: int,
        on_end: LastWords | None = None,
        seek: Seek | None = None,
    ) -> None:
        """Take over the read end of a pipe; it is closed here, at its end.

        ``on_end`` is called then, in our thread, with the last bytes that came through it.
        ``seek`` is told of a line that it wants as soon as that comes through it.

        What the pipe of an earlier life of the stream holds by now is stored before anything
        of this one. A closed capture closes ``fd`` at once.
        """
        with self._lock:
            if not self._ended:
                self._new.append((address, stream, fd, on_end, seek))
                self._wake_up()
                return
        os.close(fd)

    def close(self, patience: float = 2.0) -> None:
        """Store what is still to come and end.

        Waits for the end of all pipes, ``patience`` seconds at the most: a stranger may hold
        one open for ever. What has been written to it by then is stored. Closing again only
        waits.
        """
        with self._lock:
            if self._close_at is None:
                self._close_at = time.monotonic() + patience
                self._wake_up()
        self._thread.join(patience + _DISK_PATIENCE)
        if self._thread.is_alive():
            _log.error("the last output is not stored: %s is stuck", self._directory.path)

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):  # it is full of wake-ups already
            os.write(self._wake, b"\0")

    # In the thread. All descriptors are its own: none is closed while it may be using it.

    def _run(self) -> None:
        while not self._is_over():
            left = None if self._close_at is None else max(0.0, self._close_at - time.monotonic())
            for key, _ in self._selector.select(left):
                if key.data is None:
                    self._take_new()
                elif key.fd in key.data.sources:  # not closed in this very turn
                    self._read(key.data, key.fd)
        self._end_all()

    def _is_over(self) -> bool:
        if self._close_at is None or self._new:
            return False
        nothing_open = len(self._selector.get_map()) == 1
        return nothing_open or time.monotonic() >= self._close_at

    def _take_new(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wakeup, 4096)
        while self._new:
            address, name, fd, on_end, seek = self._new.popleft()
            if seek is not None:
                self._seekers[fd] = Seeker(seek)
            if on_end is not None:
                self._last_words[fd] = bytearray(), on_end
            if earlier := self._streams.get((address, name)):
                self._end_life(earlier)  # and that may be the end of the stream
            self._watch(self._stream(address, name), fd)

    def _stream(self, address: str, name: str) -> _Stream:
        stream = self._streams.get((address, name))
        if stream is None:
            file = LogFile(self._directory, address, name, self._on_problem)
            stream = self._streams[address, name] = _Stream(file)
        return stream

    def _end_life(self, stream: _Stream) -> None:
        """Store what earlier lives have left in their pipes, before the next one's output."""
        for fd in tuple(stream.sources):
            self._drain(stream, fd)
        if stream.sources:  # held open; the line it may have begun is over nevertheless
            self._show(stream, b"")

    def _watch(self, stream: _Stream, fd: int) -> None:
        try:
            os.set_blocking(fd, False)
            self._selector.register(fd, selectors.EVENT_READ, stream)
        except OSError:  # such as fs.epoll.max_user_watches: the others' output goes on
            _log.exception("output of %s is lost", stream.file.address)
            self._seekers.pop(fd, None)
            with suppress(OSError):
                os.close(fd)
        else:
            stream.sources.append(fd)

    def _drain(self, stream: _Stream, fd: int) -> None:
        """Store what is in the pipe now, and its end; not what a flood adds for ever."""
        (waiting,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
        while waiting >= 0 and (size := self._read(stream, fd)):
            waiting -= size

    def _read(self, stream: _Stream, fd: int) -> int:
        """Store one piece of what is in the pipe; return its bytes, 0 if there is none."""
        try:
            data = os.read(fd, _READ_SIZE)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if fd in self._seekers and self._seekers[fd].feed(data):
            del self._seekers[fd]
        if data:
            stream.file.append(data)
            self._show(stream, data)
            if fd in self._last_words:
                kept = self._last_words[fd][0]
                kept += data
                del kept[:-LAST_WORDS]
        else:
            self._end(stream, fd)
        return len(data)

    def _end(self, stream: _Stream, fd: int) -> None:
        self._selector.unregister(fd)
        os.close(fd)
        self._seekers.pop(fd, None)
        if fd in self._last_words:
            kept, on_end = self._last_words.pop(fd)
            on_end(bytes(kept))
        stream.sources.remove(fd)
        if stream.sources:
            return
        self._show(stream, b"")
        stream.file.close()
        if not stream.file.is_failing:  # an outbreak is one, however many lives it sees
            del self._streams[stream.file.address, stream.file.name]

    def _end_all(self) -> None:
        for stream in tuple(self._streams.values()):
            for fd in tuple(stream.sources):
                self._drain(stream, fd)
            for fd in tuple(stream.sources):  # a stranger's
                self._end(stream, fd)
            if stream.file.is_failing:
                stream.file.tell()
        with self._lock:
            self._ended = True
            for fd in (self._wakeup, self._wake, *(new[2] for new in self._new)):
                os.close(fd)
        self._selector.close()

    def _show(self, stream: _Stream, data: bytes) -> None:
        if self._tap is None:
            return
        try:
            self._tap(stream.file.address, stream.file.name, data)
        except Exception:  # who watches must not keep the output from its files
            _log.exception("a tap has failed; it sees nothing more")
            self._tap = None
