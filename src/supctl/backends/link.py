"""A stream socket pair that carries frames and descriptors: to the reaper, to a zygote."""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import trio

from supctl.errors import ProtocolError
from supctl.ipc.framing import FrameReader

from .reaper.protocol import LIMIT, MAX_DESCRIPTORS, decode, encode

_READ_SIZE: Final = 256 * 1024


class Link:
    """Our end of such a pair, in a trio task. It is spoken as in :mod:`.reaper.protocol`.

    Args:
        ours: our end, which belongs to it from now on.
    """

    def __init__(self, ours: socket.socket) -> None:
        ours.setblocking(False)
        self._socket = ours
        self._frames = FrameReader(LIMIT)
        self._descriptors: deque[int] = deque()
        self._outgoing: deque[tuple[bytes, list[int]]] = deque()
        self._has_outgoing, self._is_sent = trio.Event(), trio.Event()
        self._is_sent.set()

    def send(self, *message: Any, descriptors: list[int] | None = None) -> None:
        """Send a message, now or as soon as the link takes it. Never blocks.

        ``descriptors`` are duplicated where they must wait. What is sent to somebody who is
        gone goes nowhere; :meth:`receive` tells of the loss.
        """
        data = encode(message)  # what is too long loses nothing else
        self._put(self._unsaid() + data, descriptors or [])

    def _unsaid(self) -> bytes:
        """Return what is to be said before all else, as frames."""
        return b""

    def _put(self, data: bytes, fds: list[int]) -> None:
        if not self._outgoing:
            sent = self._try_send(data, fds)
            if sent == len(data):
                return
            if sent:
                data, fds = data[sent:], []
        if not self._outgoing:
            self._is_sent = trio.Event()
        self._outgoing.append((data, [os.dup(fd) for fd in fds]))
        self._has_outgoing.set()

    def _try_send(self, data: bytes, fds: list[int]) -> int:
        """Return how many bytes the link took; all of them if nobody is there."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            return self._socket.sendmsg([data], rights)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    async def flush_forever(self) -> None:
        """Send what :meth:`send` had to leave waiting, until cancelled."""
        while True:
            await self._has_outgoing.wait()
            while self._outgoing:
                await trio.lowlevel.wait_writable(self._socket)
                data, fds = self._outgoing.popleft()
                sent = self._try_send(data, fds)
                if sent < len(data):
                    self._outgoing.appendleft((data[sent:], [] if sent else fds))
                if sent:
                    _close(fds)
            self._has_outgoing = trio.Event()
            self._is_sent.set()

    async def wait_sent(self) -> None:
        """Return when all is sent that :meth:`send` has left waiting, or the link is closed."""
        await self._is_sent.wait()

    async def receive(self) -> Iterator[list[Any]]:
        """Wait for the next messages and return them, in order.

        Raises:
            EOFError: the other end is gone.
            ProtocolError: the stream has lost its frames; the other end must be given up.
        """
        while True:
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                data, ancillary, _, _ = self._socket.recvmsg(
                    _READ_SIZE, socket.CMSG_SPACE(MAX_DESCRIPTORS * 4), socket.MSG_CMSG_CLOEXEC
                )
                break
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._socket)
            except ConnectionError:
                raise EOFError("the link broke") from None
        for level, kind, raw in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._descriptors.extend(array.array("i", raw[: len(raw) - len(raw) % 4]))
        if not data:
            raise EOFError("the link ended")
        return map(decode, self._frames.feed(data))

    def take_descriptors(self, count: int) -> list[int]:
        """Return the next ``count`` received descriptors; they are the caller's to close.

        Raises:
            ProtocolError: fewer have come than the message promised.
        """
        if len(self._descriptors) < count:
            raise ProtocolError(f"{len(self._descriptors)} descriptors", f"{count} of them")
        return [self._descriptors.popleft() for _ in range(count)]

    def close(self) -> None:
        """Close our end, and every descriptor that nobody took or that was not sent."""
        self._socket.close()
        _close([*self._descriptors, *(fd for _, fds in self._outgoing for fd in fds)])
        self._descriptors.clear()
        self._outgoing.clear()
        self._is_sent.set()


def _close(descriptors: list[int]) -> None:
    for fd in descriptors:
        os.close(fd)
