"""A log file: bytes as they come, in a new file when it is time for that."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from supctl.specs import Log
from supctl.specs.log import LogMode

from .directory import make_directories, sync_directory
from .marks import Marker
from .mounts import is_local
from .rotated import new_stamp, rotated_files
from .schedule import local_zone, next_rotation
from .sink import Poured
from .watching import FileWatch

OPEN: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
"""A FIFO that nobody reads refuses to be opened this way; else we would wait for a reader."""

NEVER: Final = float("inf")

MUCH: Final = 2**20
"""Bytes: more are in no pipe, unless its app has asked for more and may have it."""

INTERRUPTED: Final = b" [interrupted]\n"
"""Ends a line of which whoever wrote it before us was killed; all of it comes again."""


class LogFile:
    """Appends to a file that it opens at the first byte; a :class:`~.sink.Sink`.

    It is rotated between two lines: by its size, by the clock, when it is asked to. A line
    longer than ``max_size`` makes a file longer than that. When somebody else has renamed or
    deleted it, the next line begins a new file at its path.

    Args:
        path: of the file; directories above it are made.
        log: says when it is rotated.
        watch: tells when it was renamed or deleted; without one its place is looked at before
            every write.
        rotated: is told of the path and of ``log`` after every rotation.
    """

    __slots__ = (
        *("_asked", "_device", "_due_at_wall", "_ends_line", "_fd", "_is_first", "_limit", "_log"),
        *("_marker", "_may_move", "_moved", "_rotated", "_size", "_stamp", "_watch", "_watched"),
        *("is_exact", "path", "rotations"),
    )

    def __init__(
        self,
        path: str,
        log: Log,
        watch: FileWatch | None = None,
        rotated: Callable[[Path, Log], None] = lambda path, log: None,
    ) -> None:
        self.path, self._log = path, log
        self._watch, self._rotated = watch, rotated
        self._fd = self._watched = -1
        self._size = 0
        self._ends_line = True
        self._limit: float = NEVER
        self._due_at_wall = NEVER
        self._asked = False
        self._moved = False
        self._device = False
        self._stamp = ""  # of the latest rotation
        self._marker = Marker(path) if log.mode is LogMode.RAW else None
        self._is_first = True
        self.is_exact = self._may_move = log.is_exact
        self.rotations = 0

    def write(self, data: bytes, start: int = 0) -> int:
        end = self._end_of(data, start)
        piece = data if end - start == len(data) else memoryview(data)[start:end]
        written = self._append(piece)
        self._ends_line = data[start + written - 1] == 10
        return written

    def move(self, pipe: int, data: bytes, start: int) -> int:
        end = self._end_of(data, start)
        if not self.is_exact:
            return 0
        try:
            moved = os.splice(pipe, self._fd, end - start, offset_dst=self._find_end())
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._may_move = False  # a file system that cannot do it
            self.close()
            self._open()
            return 0
        self._grow(moved)
        self._ends_line = data[start + moved - 1] == 10
        return moved

    def pour(self, pipe: int, most: int) -> Poured | None:
        if self._fd < 0 or not self.is_exact or self._moved or self._watched < 0 or self._is_due():
            return None
        if self._find_end() > self._limit - MUCH:
            return None
        try:
            moved = os.splice(pipe, self._fd, MUCH, offset_dst=self._size)
        except BlockingIOError:
            return Poured(0, b"")
        if not moved:
            return None
        self._grow(moved)
        shown = min(moved, most)
        last = os.pread(self._fd, shown, self._size - shown)
        self._ends_line = last.endswith(b"\n")
        return Poured(moved, last)

    def wait_fd(self) -> int:
        return self._fd if self._device else -1

    def rotate(self) -> None:
        """Rotate at the end of the line that is begun, at once if there is none.

        Raises:
            OSError: it cannot be.
        """
        if not (was_closed := self._fd < 0):
            self._asked = not self._device
        elif Path(self.path).is_file():
            self._open()
        else:
            return
        try:
            if self._ends_line or was_closed:  # a line that nobody goes on with has ended
                self._rotate()
        finally:
            if was_closed:
                self.close()

    def check(self) -> None:
        """See whether it can be written, and make it. Raises OSError."""
        if self._fd < 0:
            self._open()
            self.close()

    def close(self) -> None:
        if self._fd >= 0:
            if self._watch is not None:
                self._watch.remove(self._watched)
            fd, self._fd, self._watched = self._fd, -1, -1
            os.close(fd)

    def _end_of(self, data: bytes, start: int) -> int:
        """Have a file for bytes of ``data`` from ``start`` on; return the end of those."""
        if self._fd < 0:
            self._open()
        elif self._moved or self._watched < 0:
            self._look()
        if self._is_first and self._log.has_lines and not self._ends_line:
            self._append(INTERRUPTED)
            self._ends_line = True
        self._is_first = False
        end = len(data)
        if self._moved and not self._ends_line:
            end = data.find(b"\n", start) + 1 or end
        elif self._size + end - start > self._limit or self._is_due():
            end = self._turn(data, start)
        return end

    def _append(self, data: bytes | memoryview) -> int:
        if self.is_exact:
            written = os.pwrite(self._fd, data, self._find_end())
        else:
            written = os.write(self._fd, data)
        self._grow(written)
        return written

    def _grow(self, size: int) -> None:
        """Know that so many bytes more have just come."""
        self._size += size
        if self._marker is not None:
            self._marker.note(self._fd, size)

    def _find_end(self) -> int:
        """Return the size of the file. It is not what we think if somebody else has cut it."""
        self._size = os.fstat(self._fd).st_size
        return self._size

    def _open(self) -> None:
        make_directories(Path(self.path).parent)
        self._fd = os.open(self.path, OPEN, 0o640)
        found = os.fstat(self._fd)
        self._device = not stat.S_ISREG(found.st_mode)
        self.is_exact = self._may_move and not self._device and self._prepare_moving()
        if self._device:
            self._marker = None
            return
        if self._marker is not None:
            self._marker.begin(is_new=not found.st_size)
        self._size, self._limit = found.st_size, self._log.max_size or NEVER
        self._ends_line = self._size == 0 or self._last_byte() == b"\n"
        self._due_at_wall = self._next_due(found.st_mtime if self._size else time.time())
        if self._watch is not None:
            self._watched = self._watch.add(self._fd, self._hear)
        self._moved = True  # perhaps, before the watch began

    def _prepare_moving(self) -> bool:
        """Open it in the way that splice(2) wants it, and so that we can read; say if that is.

        Not where another machine may be waited for: the pipe is locked as long, and a program
        that writes to it could not even be killed.
        """
        if not is_local(self._fd):
            return False
        try:
            again = os.open(f"/proc/self/fd/{self._fd}", os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # we may not read it
            return False
        os.close(self._fd)
        self._fd = again
        return True

    def _last_byte(self) -> bytes:
        try:
            with open(self.path, "rb") as file:
                return os.pread(file.fileno(), 1, self._size - 1)
        except OSError:
            return b""

    def _hear(self) -> None:
        self._moved = True

    def _look(self) -> None:
        """See whether the file is still at its path; if not, have a new one there.

        A line that is begun is brought to its end where it is.
        """
        if self._device:
            return
        self._moved = False  # before we look: another thread may hear of it meanwhile
        ours = os.fstat(self._fd)
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            there = None
        if there is not None and (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
            return
        self._moved = True
        if self._ends_line:
            self.close()
            self._open()

    def _next_due(self, after: float) -> float:
        if self._log.every is None:
            return NEVER
        return next_rotation(after, self._log.every, self._log.at_time, local_zone())

    def _is_due(self) -> bool:
        return self._asked or (self._due_at_wall < NEVER and time.time() >= self._due_at_wall)

    def _turn(self, data: bytes, start: int) -> int:
        """Rotate, if that can be before the next byte; return where in ``data`` it can be next."""
        if not self._find_end():
            self._rotate()  # which there is no need for
        fits = self._fitting(data, start)
        if fits == start and self._ends_line:
            self._try_rotate()
            fits = self._fitting(data, start)
        if fits > start:
            return fits
        return data.find(b"\n", start) + 1 or len(data)  # a line is not torn, however long it is

    def _fitting(self, data: bytes, start: int) -> int:
        """Return the end of the last line of ``data`` that still belongs into this file."""
        if self._is_due():
            return start if self._size else len(data)
        room = self._limit - self._size
        if len(data) - start <= room:
            return len(data)
        return start if room <= 0 else max(start, data.rfind(b"\n", start, start + int(room)) + 1)

    def _try_rotate(self) -> None:
        try:
            self._rotate()
        except OSError:  # a directory where we may not rename: better one large file than none
            self._asked = False
            self._limit = self._size + (self._log.max_size or NEVER)
            self._due_at_wall = self._next_due(time.time())
            if self._fd < 0:
                self._open()

    def _rotate(self) -> None:
        self._asked = False
        if self._size:
            if self._log.sync:
                os.fsync(self._fd)
            Path(self.path).rename(path := self._next_path())
            if self._marker is not None:
                self._marker.rotated(path)
            self.rotations += 1
            self.close()
            self._open()
            if self._log.sync:
                sync_directory(Path(self.path).parent)
            self._rotated(Path(self.path), self._log)
        self._due_at_wall = self._next_due(time.time())

    def _next_path(self) -> str:
        if not self._stamp:
            found = rotated_files(Path(self.path))
            self._stamp = found[-1].stamp if found else ""
        self._stamp = new_stamp(time.time(), self._stamp)
        return f"{self.path}.{self._stamp}"
