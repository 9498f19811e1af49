"""What carries the bytes of a connection: a pair of descriptors, or any trio stream."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, Protocol, TypeAlias

import trio

from .framing import LARGE

if sys.platform == "linux":
    import fcntl

READ_SIZE: Final = 64 * 1024
"""Most bytes of one read, unless it goes into a place of its own: what a pipe holds."""

MOST_PARTS: Final = 1000
"""Pieces of one write; systems take 1,024."""

WIDE: Final = 1024 * 1024
"""Bytes that a pipe may hold which has once been full: large values go through it three times as
fast as through the usual 64 KiB. Not every pipe: an unprivileged user has 64 MiB in all (pipe(7)).
"""

Buffer: TypeAlias = bytes | bytearray | memoryview


class Transport(Protocol):
    """Bytes both ways. One task reads; writes come from one task at a time.

    Everything raises OSError or ``trio.BrokenResourceError`` where the other end is gone.
    """

    def write_now(self, parts: Sequence[Buffer]) -> int:
        """Write what can be written without waiting; return how many bytes. Never blocks."""

    async def write(self, parts: Sequence[Buffer]) -> int:
        """Wait until something can be written and do; return how many bytes."""

    async def read(self) -> bytes:
        """Return what has come, at most :data:`READ_SIZE`; empty at the end."""

    async def read_into(self, room: memoryview) -> int:
        """Put what has come where it belongs; return how many bytes, 0 at the end."""

    async def aclose(self) -> None:
        """Close it. What was not written is lost."""


class DescriptorTransport:
    """Two descriptors, of pipes, or one of a socket twice. Owns them; makes them non-blocking.

    Leaner than a trio stream in what each message costs: it writes without waiting, and reads
    only once the descriptor is known to be readable.
    """

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._is_closed = self._is_wide = False
        for fd in {read_fd, write_fd}:
            os.set_blocking(fd, False)

    def write_now(self, parts: Sequence[Buffer]) -> int:
        if self._is_closed:
            raise trio.ClosedResourceError
        try:
            if len(parts) == 1:
                return os.write(self._write_fd, parts[0])
            return os.writev(self._write_fd, parts)
        except BlockingIOError:
            return 0

    async def write(self, parts: Sequence[Buffer]) -> int:
        if not self._is_wide:
            self._widen()
        await trio.lowlevel.wait_writable(self._write_fd)
        return self.write_now(parts)

    def _widen(self) -> None:
        self._is_wide = True
        if sys.platform == "linux":
            with suppress(OSError):  # it is a socket, or the user's share is used up
                fcntl.fcntl(self._write_fd, fcntl.F_SETPIPE_SZ, WIDE)

    async def read(self) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._read_fd)
            try:
                return os.read(self._read_fd, READ_SIZE)
            except BlockingIOError:
                continue  # the kernel may wake us for nothing

    async def read_into(self, room: memoryview) -> int:
        while True:
            await trio.lowlevel.wait_readable(self._read_fd)
            try:
                return os.readv(self._read_fd, [room])
            except BlockingIOError:
                continue

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        for fd in {self._read_fd, self._write_fd}:
            trio.lowlevel.notify_closing(fd)
            os.close(fd)


class StreamTransport:
    """Any trio stream. Writes go through the writing task, as streams have no other way."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    def write_now(self, parts: Sequence[Buffer]) -> int:
        return 0

    async def write(self, parts: Sequence[Buffer]) -> int:
        written = 0
        for piece in _joined(parts):
            await self._stream.send_all(piece)
            written += len(piece)
        return written

    async def read(self) -> bytes:
        return bytes(await self._stream.receive_some(READ_SIZE))

    async def read_into(self, room: memoryview) -> int:
        data = await self._stream.receive_some(len(room))
        room[: len(data)] = data
        return len(data)

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)


def transport_over(stream: trio.abc.Stream) -> Transport:
    """Return the leanest transport for a stream, which belongs to it from now on."""
    fd_stream = getattr(trio.lowlevel, "FdStream", None)
    if fd_stream is None:
        return StreamTransport(stream)
    if isinstance(stream, trio.SocketStream):
        socket = stream.socket
        fd = os.dup(socket.fileno())
        socket.close()
        return DescriptorTransport(fd, fd)
    if isinstance(stream, trio.StapledStream):
        ends = stream.receive_stream, stream.send_stream
        if all(isinstance(end, fd_stream) for end in ends):
            fds = [os.dup(end.fileno()) for end in ends]
            for end in ends:
                end.close()  # which makes the descriptor block again, and so its duplicate
            return DescriptorTransport(*fds)
    return StreamTransport(stream)


def _joined(parts: Sequence[Buffer]) -> Iterator[Buffer]:
    """Yield small neighbours in one piece, and large ones as they are."""
    small: list[Buffer] = []
    for part in parts:
        if len(part) < LARGE:
            small.append(part)
            continue
        if small:
            yield b"".join(small)
            small = []
        yield part
    if small:
        yield b"".join(small)
