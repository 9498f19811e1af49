"""Where output goes that goes to no file: our own output, the system's logger, the journal."""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import struct
import time
from abc import ABC, abstractmethod
from typing import Final

from supctl.specs import Log
from supctl.specs.log import LogMode, LogTarget

from .sink import Poured

SYSLOG: Final = "/dev/log"
JOURNAL: Final = "/run/systemd/journal/socket"

_DAEMON: Final = 3 << 3
"""The facility of programs that run in the background (syslog(3)), in its place."""
_INFO, _ERROR = 6, 3
_LENGTH: Final = struct.Struct("<Q")


def sink_for(log: Log, address: str, stream: str) -> Nowhere | Inherited | Syslog | Journal:
    """Return the sink of a stream that has no file."""
    if log.mode is LogMode.NONE:
        return Nowhere()
    match log.to:
        case LogTarget.STDOUT:
            return Inherited(1)
        case LogTarget.STDERR:
            return Inherited(2)
        case LogTarget.SYSLOG:
            return Syslog(address, stream)
        case _:
            return Journal(address, stream)


class Nowhere:
    """Takes everything."""

    __slots__ = ()
    rotations = 0
    is_exact = False

    def write(self, data: bytes, start: int = 0) -> int:
        return len(data) - start

    def move(self, pipe: int, data: bytes, start: int) -> int:
        return 0

    def pour(self, pipe: int, most: int) -> Poured | None:
        return None

    def wait_fd(self) -> int:
        return -1

    def rotate(self) -> None:
        """There is nothing."""

    def close(self) -> None:
        """There is nothing."""


class Inherited(Nowhere):
    """Writes to a descriptor that is ours and of others: it cannot be told not to block."""

    __slots__ = ("_fd", "_poll")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll: select.poll | None = None

    def write(self, data: bytes, start: int = 0) -> int:
        if stat.S_ISREG(os.fstat(self._fd).st_mode):
            return os.write(self._fd, memoryview(data)[start:])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._fd, select.POLLOUT)
        if not self._poll.poll(0):
            raise BlockingIOError(errno.EAGAIN, "the output is full")
        # A pipe that says it is ready takes that much (pipe(7)) at once, and unmixed with others.
        return os.write(self._fd, memoryview(data)[start : _line_end(data, start, select.PIPE_BUF)])

    def wait_fd(self) -> int:
        return self._fd


def _line_end(data: bytes, start: int, most: int) -> int:
    """Return the end of the last line within ``most`` bytes; if there is none, of those bytes."""
    return data.rfind(b"\n", start, start + most) + 1 or start + most


class _Datagrams(Nowhere, ABC):
    """Sends every line by itself to a socket that belongs to the system."""

    __slots__ = ("_socket",)
    place: str

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def write(self, data: bytes, start: int = 0) -> int:
        if self._socket is None:
            self._socket = self._connect()
        end = data.find(b"\n", start)
        self._socket.send(self.message(data[start:end]))
        return end + 1 - start

    @abstractmethod
    def message(self, line: bytes) -> bytes:
        """Return what is sent for a line."""

    def _connect(self) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        opened.setblocking(False)
        try:
            opened.connect(self.place)
        except OSError:
            opened.close()
            raise
        return opened

    def wait_fd(self) -> int:
        return -1 if self._socket is None else self._socket.fileno()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Syslog(_Datagrams):
    """Sends lines to the system's logger, as RFC 3164 has it."""

    __slots__ = ("_priority", "_tag", "place")

    def __init__(self, address: str, stream: str) -> None:
        super().__init__()
        self.place = SYSLOG
        self._priority = _DAEMON | (_ERROR if stream == "stderr" else _INFO)
        self._tag = address.strip("/").encode()

    def message(self, line: bytes) -> bytes:
        at = time.strftime("%b %e %H:%M:%S").encode()
        return b"<%d>%s %s: %s" % (self._priority, at, self._tag, line)


class Journal(_Datagrams):
    """Sends lines to systemd's journal, with the app's address and the stream as fields."""

    __slots__ = ("_fields", "place")

    def __init__(self, address: str, stream: str) -> None:
        super().__init__()
        self.place = JOURNAL
        priority = _ERROR if stream == "stderr" else _INFO
        name = address.strip("/")
        self._fields = (
            f"PRIORITY={priority}\nSYSLOG_IDENTIFIER={name}\n"
            f"SUPCTL_ADDRESS={address}\nSUPCTL_STREAM={stream}\nMESSAGE\n"
        ).encode()

    def message(self, line: bytes) -> bytes:
        return self._fields + _LENGTH.pack(len(line)) + line + b"\n"
