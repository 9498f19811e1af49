"""The reaper's end of the link to a daemon."""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from supctl.errors import ProtocolError
from supctl.ipc.framing import FrameReader

from .protocol import LIMIT, MAX_DESCRIPTORS, encode

_READ_SIZE: Final = 256 * 1024


class DaemonLine:
    """A stream of messages and descriptors. Nothing here blocks.

    Args:
        link: the socket, which belongs to it from now on.

    Attributes:
        is_quiet: whether nothing was there when we looked last.
    """

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self._link = link
        self.is_quiet = False
        self._frames = FrameReader(LIMIT)
        self._outgoing: deque[tuple[bytes, list[int]]] = deque()
        self._descriptors: deque[int] = deque()  # received, not yet claimed by their message

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._link.fileno()

    @property
    def has_outgoing(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._outgoing)

    def receive(self) -> list[bytes | memoryview] | None:
        """Return the messages that have arrived; ``None``: the daemon is gone.

        Raises:
            ProtocolError: the stream has lost its frames.
        """
        try:
            data, ancillary, _, _ = self._link.recvmsg(
                _READ_SIZE,
                socket.CMSG_SPACE(MAX_DESCRIPTORS * 4),
                socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC,
            )
        except BlockingIOError:
            self.is_quiet = True
            return []
        except OSError:
            return None
        self.is_quiet = False
        for level, kind, raw in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._descriptors.extend(array.array("i", raw[: len(raw) - len(raw) % 4]))
        return list(self._frames.feed(data)) if data else None

    def take_descriptor(self) -> int:
        """Return the next descriptor that has come with a message.

        Raises:
            ProtocolError: none has come.
        """
        if not self._descriptors:
            raise ProtocolError("no descriptor", "the one that was announced")
        return self._descriptors.popleft()

    def tell(self, *message: Any, descriptors: Iterable[int] = ()) -> None:
        """Have a message sent, with duplicates of descriptors: what waits in the queue must not
        depend on when a run ends."""
        self._outgoing.append((encode(message), [os.dup(fd) for fd in descriptors]))

    def flush(self) -> None:
        """Send what waits, as far as the link takes it; drop it if the daemon is gone.

        Of that :meth:`receive` tells, when all that the daemon has said before is heard.
        """
        while self._outgoing:
            data, descriptors = self._outgoing.popleft()
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
            try:
                sent = self._link.sendmsg([data], rights if descriptors else [])
            except (BlockingIOError, InterruptedError):
                self._outgoing.appendleft((data, descriptors))
                return
            except OSError:
                self._outgoing.appendleft((data, descriptors))
                self._drop_outgoing()
                return
            _close(descriptors)
            if sent < len(data):  # the descriptors went with the first byte
                self._outgoing.appendleft((data[sent:], []))

    def _drop_outgoing(self) -> None:
        _close(fd for _, descriptors in self._outgoing for fd in descriptors)
        self._outgoing.clear()

    def close(self) -> None:
        """Close it, and the descriptors that were not sent, or not claimed."""
        self._link.close()
        self._drop_outgoing()
        _close(self._descriptors)
        self._descriptors.clear()


def _close(descriptors: Iterable[int]) -> None:
    for fd in descriptors:
        os.close(fd)
