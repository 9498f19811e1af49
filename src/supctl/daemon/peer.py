"""Who speaks at the other end of a socket, and what it may."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Final

from supctl.errors import PermissionDenied

_CREDENTIALS: Final = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """A process that speaks with us, as the kernel told of it when it connected (unix(7)).

    Args:
        pid, uid, gid: of the process.
    """

    pid: int
    uid: int
    gid: int

    @classmethod
    def of(cls, connected: socket.socket) -> Peer:
        """Return who is at the other end."""
        told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return cls(*_CREDENTIALS.unpack(told))

    @property
    def name(self) -> str:
        """Its user, for people."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"

    def check(self) -> None:
        """Refuse whoever is neither our own user nor root.

        Raises:
            PermissionDenied: it is somebody else.
        """
        if self.uid not in (0, os.geteuid()):
            raise PermissionDenied(self.name, "speak with this daemon", "its own user, or root")
