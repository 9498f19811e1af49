"""The socket at which a program tells how it is: the receiving end of sd_notify(3)."""

from __future__ import annotations

import os
import socket
import struct
from typing import Final

import trio

from supctl.errors import PlatformNotSupported

_LONGEST: Final = 4096
"""Bytes of a message; systemd takes no more either."""

_CREDENTIALS: Final = struct.Struct("3i")
"""``struct ucred`` (unix(7)): pid, uid, gid."""

_MOST_DESCRIPTORS: Final = 253
"""In one message (SCM_MAX_FD)."""

_ROOM: Final = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4 * _MOST_DESCRIPTORS)


class NotifySocket:
    """A socket of datagrams whose senders are told by the kernel.

    It has a name that no file system knows, so that there is nothing to clean up, and that a
    program of another user can reach. Whoever knows the name can write to it: it is the pid of
    the sender that says whether it is to be believed.

    Args:
        fd: one that was made by somebody who is gone; it belongs to this one from now on.

    Attributes:
        address: for the variable ``NOTIFY_SOCKET``.

    Raises:
        OSError: the system has no descriptor left.
        PlatformNotSupported: it does not tell who has sent something.
    """

    def __init__(self, fd: int | None = None) -> None:
        if not hasattr(socket, "SO_PASSCRED"):
            raise PlatformNotSupported("sd_notify", "this system does not say who wrote a message")
        made = _make() if fd is None else socket.socket(fileno=fd)
        name: bytes = made.getsockname()
        self.address = "@" + name[1:].decode()
        self._socket = trio.socket.from_stdlib_socket(made)

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._socket.fileno()

    async def receive(self) -> tuple[int, bytes]:
        """Return the next message: the pid of its sender (0 if that is nobody here), and bytes.

        Descriptors that come with it are closed: who waits for that (``BARRIER=1``) learns that
        all it has sent before was heard. Cancelling is harmless.
        """
        data, ancillary, _, _ = await self._socket.recvmsg(_LONGEST, _ROOM)
        pid = 0
        for level, kind, held in ancillary:
            if level != socket.SOL_SOCKET:
                continue
            if kind == socket.SCM_CREDENTIALS:
                pid = _CREDENTIALS.unpack(held)[0]
            elif kind == socket.SCM_RIGHTS:
                _close_all(held)
        return pid, data

    def close(self) -> None:
        """Hear nothing more. Doing so again does nothing."""
        self._socket.close()


def _make() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        made.bind(f"\0supctl-notify-{os.urandom(16).hex()}".encode())
    except BaseException:
        made.close()
        raise
    return made


def _close_all(held: bytes) -> None:
    count = len(held) // 4
    for fd in struct.unpack(f"{count}i", held[: 4 * count]):
        os.close(fd)
