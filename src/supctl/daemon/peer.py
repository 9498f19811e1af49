"""Who speaks at the other end of a socket."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from dataclasses import dataclass, field
from typing import Final

_CREDENTIALS: Final = struct.Struct("3i")

_SO_PEERGROUPS: Final = 59
"""Of socket(7), where Python has no name for it."""

_MOST_BYTES: Final = 1024  # that Python asks the kernel for


@dataclass(frozen=True, slots=True)
class Peer:
    """A process that speaks with us, as the kernel told of it when it connected (unix(7)).

    Args:
        pid, uid: of the process.
        groups: all that it is a member of.
    """

    pid: int
    uid: int
    groups: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(cls, connected: socket.socket) -> Peer:
        """Return who is at the other end."""
        told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, gid = _CREDENTIALS.unpack(told)
        if uid in (0, os.geteuid()):
            return cls(pid, uid, frozenset({gid}))
        try:
            more = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
        except OSError:  # it is in more groups than we can be told
            more = b""
        return cls(pid, uid, frozenset({gid, *memoryview(more).cast("I")}))

    @property
    def is_ours(self) -> bool:
        """Whether it is of our own user, or of root."""
        return self.uid in (0, os.geteuid())

    @property
    def name(self) -> str:
        """Its user, for people."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"
