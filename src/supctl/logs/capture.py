"""Brings output from pipes into files: one thread for all apps, asleep while none writes."""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .directory import LogDirectory

Tap: TypeAlias = Callable[[str, str, bytes], None]
"""Sees output too: address, ``"stdout"`` or ``"stderr"``, bytes; ``b""`` is the end of a life's
output. Called in the capture's thread: it must not block."""

OnProblem: TypeAlias = Callable[[str, int, int], None]
"""Hears of output that cannot be stored: address, the system's error number (0: it can be again),
bytes lost so far. Called in the capture's thread, at the beginning and the end of an outbreak."""

_log = logging.getLogger("supctl.logs")

_READ_SIZE: Final = 256 * 1024

_TURN: Final = 16
"""Reads from one pipe in one turn, so that a flood on one does not keep the others waiting."""


@dataclass(slots=True, eq=False)
class _Stream:
    """One app's stdout or stderr, over all its lives."""

    address: str
    name: str
    sources: deque[int] = field(default_factory=deque)
    """Pipes, oldest first: what an earlier life wrote comes before what a later one writes."""
    file: int = -1
    errno: int = 0
    lost: int = 0


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
        on_problem: OnProblem | None = None,
    ) -> None:
        self._directory = directory
        self._tap = tap
        self._on_problem = on_problem
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._new: deque[tuple[str, str, int]] = deque()
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._close_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="supctl-capture", daemon=True)
        self._thread.start()

    def attach(self, address: str, stream: str, fd: int) -> None:
        """Take over the read end of a pipe; it is closed here, at its end."""
        self._new.append((address, stream, fd))
        self._wake_up()

    def close(self, patience: float = 2.0) -> None:
        """Store what is still to come and end.

        Waits for the end of all pipes, ``patience`` seconds at the most: a stranger may hold
        one open for ever. What has been written to it by then is stored.
        """
        self._close_at = time.monotonic() + patience
        self._wake_up()
        self._thread.join()
        for stream in self._streams.values():
            for fd in stream.sources:
                os.close(fd)
            if stream.file >= 0:
                os.close(stream.file)
        self._selector.close()
        os.close(self._wakeup)
        os.close(self._wake)

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):  # it is full of wake-ups already
            os.write(self._wake, b"\0")

    # In the thread.

    def _run(self) -> None:
        while True:
            patience = None if self._close_at is None else self._close_at - time.monotonic()
            ready = self._selector.select(patience)
            for key, _ in ready:
                if key.data is None:
                    self._take_new()
                elif key.fd in key.data.sources:  # not closed in this very turn
                    self._empty(key.data, key.fd)
            if self._close_at is not None:
                nothing_open = len(self._selector.get_map()) == 1 and not self._new
                if nothing_open or (not ready and time.monotonic() >= self._close_at):
                    return

    def _take_new(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wakeup, 4096)
        while self._new:
            address, name, fd = self._new.popleft()
            os.set_blocking(fd, False)
            key = (address, name)
            stream = self._streams.get(key)
            if stream is None:
                stream = self._streams[key] = _Stream(address, name)
            stream.sources.append(fd)
            self._selector.register(fd, selectors.EVENT_READ, stream)

    def _empty(self, stream: _Stream, fd: int) -> None:
        """Store what is in ``fd``, after all that older lives have left in their pipes."""
        while stream.sources[0] != fd:
            older = stream.sources[0]
            if not self._read(stream, older, turns=None):
                stream.sources.rotate(-1)  # a grandchild holds it open: it is no longer the past
        self._read(stream, fd, turns=_TURN)

    def _read(self, stream: _Stream, fd: int, turns: int | None) -> bool:
        """Store what is in ``fd``, in ``turns`` reads at the most; return whether it has ended."""
        while turns is None or turns > 0:
            try:
                data = os.read(fd, _READ_SIZE)
            except BlockingIOError:
                return False
            except OSError:
                data = b""
            if not data:
                self._end(stream, fd)
                return True
            self._store(stream, data)
            self._show(stream, data)
            turns = None if turns is None else turns - 1
        return False

    def _end(self, stream: _Stream, fd: int) -> None:
        self._selector.unregister(fd)
        os.close(fd)
        stream.sources.remove(fd)
        self._show(stream, b"")
        if not stream.sources and stream.file >= 0:
            os.close(stream.file)
            stream.file = -1

    def _show(self, stream: _Stream, data: bytes) -> None:
        if self._tap is None:
            return
        try:
            self._tap(stream.address, stream.name, data)
        except Exception:  # who watches must not keep the output from its files
            _log.exception("a tap has failed; it sees nothing more")
            self._tap = None

    def _store(self, stream: _Stream, data: bytes) -> None:
        view = memoryview(data)
        try:
            if stream.file < 0:
                stream.file = self._open(stream)
            while view:
                view = view[os.write(stream.file, view) :]
        except OSError as error:
            stream.lost += len(view)
            self._tell_problem(stream, error.errno or 5)
        else:
            self._tell_problem(stream, 0)

    def _open(self, stream: _Stream) -> int:
        path = self._directory.file_of(stream.address, stream.name)
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _tell_problem(self, stream: _Stream, number: int) -> None:
        """Tell of the first failure of an outbreak and of the first success after it."""
        if number == stream.errno:
            return
        stream.errno = number
        if self._on_problem is not None:
            self._on_problem(stream.address, number, stream.lost)
        if number == 0:
            stream.lost = 0
