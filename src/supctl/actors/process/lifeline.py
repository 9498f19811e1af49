"""The lifeline of an actor that outlives who supervises it: how the next one gets in touch.

It is a socket of packets. The actor's process has one end; the other is held for whoever
supervises next, and for the one after. Each of them sends a pair of pipes of its own: what was on
its way in the pipes of somebody who is gone, whole or torn, is nobody's business any more.

When nobody holds the other end, nobody will come.
"""

from __future__ import annotations

import socket
from typing import Final, TypeAlias

import trio

from supctl.backends.zygote_link import Talk, close_all

VERSION: Final = 1
"""Of what is said over it. Whoever speaks another one starts the actor anew."""

Link: TypeAlias = tuple[int, int]
"""Two descriptors: to read from and to write to."""

_PACKET: Final = b"link"


class Lifeline:
    """The end of the actor's process.

    Args:
        fd: the socket, which belongs to it from now on.
    """

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)

    async def next_link(self) -> Link | None:
        """Wait for the next who supervises; return what it is talked with over, ``None`` if nobody
        will come. Cancelling it loses nothing."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            cloexec = socket.MSG_CMSG_CLOEXEC
            try:
                data, fds, _, _ = socket.recv_fds(self._socket, len(_PACKET), 2, cloexec)
            except BlockingIOError:
                continue  # the kernel may wake us for nothing
            except ConnectionError:
                return None
            if not data:
                return None
            read_fd, write_fd = fds
            return read_fd, write_fd

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def reach(fd: int) -> Link:
    """Get in touch over the other end of a lifeline, ``fd``, which is closed; return our link.

    If nobody is there any more, or takes nothing, the link is at its end at once.

    Raises:
        OSError: there are no descriptors left.
    """
    packets = socket.socket(fileno=fd)
    with packets:
        packets.setblocking(False)
        talk = Talk.open()
        try:
            socket.send_fds(packets, [_PACKET], talk.theirs)
        except OSError:
            pass  # the end of the link tells
        finally:
            close_all(talk.theirs)
    read_fd, write_fd = talk.ours
    return read_fd, write_fd
