"""Brings output from pipes to where it is kept: one thread for all apps, asleep while none writes.

A log that is slow, full or stuck gets a thread of its own until it is quick again; the others
do not wait for it.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from supctl.errors import StorageFailed
from supctl.specs import Log
from supctl.specs.log import LogMode

from .archive import Archivist
from .audience import Audience
from .audience import Tap as Tap
from .directory import LogDirectory
from .file import LogFile
from .format import writer_for
from .meter import StreamReport
from .outlet import Closing, Outlet
from .output import Output
from .problem import OnProblem, log_problem
from .reader import Attached, Reader
from .ring import LastLine, Ring
from .seek import Seek, Seeker
from .sink import Sink
from .sinks import sink_for
from .source import LastWords, Source, Turnover
from .stream import Stream
from .watching import FileWatch

_log = logging.getLogger("supctl.logs")

_DISK_PATIENCE: Final = 10.0
"""Seconds that storing the pipes' last bytes may take. Longer, and the disk is stuck (a network
file system whose server is gone): that must not keep this program from ending."""

_STREAMS: Final = ("stdout", "stderr")

_REMEMBERED: Final = 2000
"""Streams without a pipe whose figures and last lines are kept."""


class Capture:
    """Stores all output that it is given.

    Its methods may be called in any thread and do not block, but for :meth:`close` and
    :meth:`check`.

    Args:
        directory: says which file is whose.
        tap: sees all output too.
        on_problem: hears of what cannot be stored.
        log: what becomes of the output of apps that say nothing about it.
    """

    def __init__(
        self,
        directory: LogDirectory,
        tap: Tap | None = None,
        on_problem: OnProblem = log_problem,
        log: Log | None = None,
    ) -> None:
        self._directory, self._on_problem, self._usual = directory, on_problem, log or Log()
        self._lock = threading.Lock()  # guards what follows
        self._streams: dict[tuple[str, str], Stream] = {}
        self._outlets: dict[str, Outlet] = {}  # by path, or other place that may be shared
        self._rings: dict[str, Ring] = {}  # by address
        self._ended_streams: dict[tuple[str, str], None] = {}  # those that ended first come first
        self._is_closed = self._is_stuck = False
        self._done = threading.Event()
        self._archivist = Archivist()
        # One of each for all, as a thousand idle apps are to cost little.
        self._tend, self._on_room = self._archivist.tend, self._tell_room
        self._closing = Closing()
        self._watch = FileWatch()
        self._reader = Reader(Audience(tap), self._watch, self._note_end, self._close_all)

    def attach(
        self,
        address: str,
        stream: str,
        fd: int,
        on_end: LastWords | None = None,
        seek: Seek | None = None,
        log: Log | None = None,
        pid: int = 0,
    ) -> None:
        """Take over the read end of a pipe; it is closed here, at its end.

        ``on_end`` is called then, in our thread, with the last bytes that came through it.
        ``seek`` is told of a line that it wants as soon as that comes through it. ``log`` says
        what becomes of it, ``pid`` is told with it.

        What the pipe of an earlier life of the stream holds by now is stored before anything
        of this one. A closed capture closes ``fd`` at once.
        """
        with self._lock:
            if not self._is_closed:
                known = self._stream(address, stream, log or self._usual)
                writer = writer_for(known.log, address, stream, pid)
                seeker = None if seek is None else Seeker(seek)
                source = Source(known, fd, writer, on_end, seeker)
                self._reader.ask(Attached(known, source))
                return
        os.close(fd)

    def redirect(self, address: str, log: Log | None, pid: int) -> None:
        """Have what an app writes from its next lines on be stored as ``log`` says. Its pipes stay
        as they are, and no line is lost, doubled, or torn.

        ``pid`` is told with it.
        """
        log = log or self._usual
        with self._lock:
            for name in _STREAMS if not self._is_closed else ():
                key = address, name
                stream = self._streams.get(key)
                if stream is None or stream.log == log or key in self._ended_streams:
                    continue
                before, path = stream.outlet, stream.path
                self._change(stream, log)
                writer = writer_for(log, address, name, pid)
                turnover = Turnover(stream.outlet, writer, in_order=path == stream.path)
                self._reader.ask(partial(self._reader.redirect, stream, turnover))
                if not any(it.outlet is before for it in self._streams.values()):
                    self._forget_outlet(before, path)

    def rotate(self, addresses: Iterable[str] | None = None) -> None:
        """Rotate the files of apps, of all if none is named, each at the end of a line. Soon."""
        with self._lock:
            if self._is_closed:
                return
            chosen = None if addresses is None else set(addresses)
            streams = self._streams.values()
            outlets = {it.outlet for it in streams if chosen is None or it.address in chosen}
            for outlet in outlets:
                self._reader.ask(partial(self._reader.rotate, outlet))

    def outputs(self, address: str, log: Log | None = None) -> list[Output]:
        """Return where the output of an app goes, whether it was ever started or not."""
        log = log or self._usual
        if not log.has_file:
            to = "nowhere" if log.mode is LogMode.NONE else str(log.to)
            return [Output(address, name, to, "", "raw", False) for name in _STREAMS]
        mode, shared = str(log.mode), log.is_shared
        return [
            Output(address, name, "file", self._path(address, name, log), mode, shared)
            for name in _STREAMS
        ]

    def report(self, address: str) -> list[StreamReport]:
        """Return figures about both streams of an app; none if it was never heard of."""
        with self._lock:
            found = [self._streams.get((address, name)) for name in ("stdout", "stderr")]
        return [stream.report(time.monotonic()) for stream in found if stream is not None]

    def trouble(self, address: str) -> str:
        """Return what is wrong with the logs of an app, in a few words; empty if nothing is."""
        with self._lock:
            found = [self._streams.get((address, name)) for name in ("stdout", "stderr")]
        outlets = [stream.outlet for stream in found if stream is not None]
        failing = next((it for it in outlets if it.errno), None)
        if failing is not None:
            return f"log cannot be written: {failing.error}"
        return "log is slow" if any(it.is_slow for it in outlets) else ""

    def last_lines(self, address: str) -> list[LastLine]:
        """Return the last lines of an app, 200 at most, the oldest first."""
        ring = self._rings.get(address)
        return [] if ring is None else ring.lines()

    def check(self, address: str, log: Log | None) -> None:
        """See whether the log of an app can be written. May block.

        Raises:
            StorageFailed: it cannot.
        """
        log = log or self._usual
        for name in ("stdout", "stderr") if log.has_file else ():
            path = self._path(address, name, log)
            try:
                LogFile(path, log).check()
            except OSError as error:
                number = error.errno or errno.EIO
                wanted = f"a log that can be written, without which {address} must not start"
                raise StorageFailed(path, number, wanted) from None

    def close(self, patience: float = 2.0) -> None:
        """Store what is still to come and end.

        Waits for the end of all pipes, ``patience`` seconds at the most: a stranger may hold
        one open for ever. What has been written to it by then is stored. Closing again only
        waits.
        """
        with self._lock:
            if self._reader.close_at is None:
                self._reader.close_at = time.monotonic() + patience
                self._reader.wake_up()
        if not self._done.wait(patience + _DISK_PATIENCE) or self._is_stuck:
            _log.error("the last output is not stored: %s is stuck", self._directory.path)

    def _close_all(self) -> None:
        """Bring what waits to its place, as far as there is time. At the reader's end."""
        with self._lock:
            self._is_closed = True
            outlets = {stream.outlet for stream in self._streams.values()}
        close_at = self._reader.close_at or 0.0
        for outlet in outlets:
            if not outlet.errno:
                outlet.wait_quick(close_at - time.monotonic())
        self._closing.begin()
        deadline = close_at + 0.9 * _DISK_PATIENCE  # before those who wait for us lose theirs
        for outlet in outlets:
            self._is_stuck |= not outlet.wait_quick(deadline - time.monotonic())
            outlet.tell()
        self._archivist.close(deadline - time.monotonic())
        self._reader.close()
        if not self._is_stuck:  # else a thread may still use them
            self._closing.close()
            self._watch.close()
        self._done.set()

    # With the lock.

    def _stream(self, address: str, name: str, log: Log) -> Stream:
        key = address, name
        self._ended_streams.pop(key, None)
        stream = self._streams.get(key)
        if stream is None or stream.log != log:
            outlet, path = self._outlet(address, name, log)
            if stream is None:
                stream = Stream(address, name, log, outlet, path, self._rings)
                self._streams[key] = stream
            else:
                stream.log, stream.outlet, stream.path = log, outlet, path
        return stream

    def _change(self, stream: Stream, log: Log) -> None:
        outlet, path = self._outlet(stream.address, stream.name, log, in_use=True)
        stream.log, stream.outlet, stream.path = log, outlet, path

    def _outlet(
        self, address: str, name: str, log: Log, *, in_use: bool = False
    ) -> tuple[Outlet, str]:
        """Return the outlet for a stream, and its path. One with another policy is used on as long
        as it is needed, unless those who use it are told (``in_use``)."""
        path = self._path(address, name, log) if log.has_file else None
        place = str(log.to) if path is None else path
        outlet = self._outlets.get(place)
        if outlet is None or (outlet.log != log and (in_use or outlet.is_free)):
            if path is None:
                sink: Sink = sink_for(log, address, name)
            else:
                sink = LogFile(place, log, self._watch, self._tend)
            outlet = Outlet(address, sink, log, self._closing, self._on_problem, self._on_room)
            if path is not None:
                self._outlets[place] = outlet
        return outlet, "" if path is None else place

    def _path(self, address: str, name: str, log: Log) -> str:
        if name == "stderr" and log.error_file is not None:
            return str(Path(log.error_file))
        if log.file is not None and (name == "stdout" or log.together):
            return str(Path(log.file))
        app = address.partition(":")[0] if log.merged else address
        return self._directory.path_of(app, "both" if log.together else name)

    # In other threads.

    def _tell_room(self, outlet: Outlet) -> None:
        with self._lock:
            if not self._is_closed:
                self._reader.ask(outlet)

    def _note_end(self, stream: Stream) -> None:
        """Remember a stream that may come no more, and forget the oldest of those."""
        with self._lock:
            self._ended_streams[stream.address, stream.name] = None
            while len(self._ended_streams) > _REMEMBERED:
                key = next(iter(self._ended_streams))
                del self._ended_streams[key]
                self._forget(self._streams.pop(key))

    def _forget_outlet(self, outlet: Outlet, path: str) -> None:
        if self._outlets.get(path) is outlet:
            del self._outlets[path]

    def _forget(self, stream: Stream) -> None:
        self._outlets.pop(stream.path, None)
        names = ("stdout", "stderr")
        if not any((stream.address, name) in self._streams for name in names):
            self._rings.pop(stream.address, None)
