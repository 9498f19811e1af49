"""Telling whoever has started the daemon how it does."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class Announcer:
    """Tells that the daemon is ready, and that it ends: over the pipe of the command that has
    started it, and as sd_notify(3) where systemd has.

    What programs inherit from the daemon does not name systemd's socket: it is not theirs.

    Args:
        ready_fd: is written ``1`` and closed once the daemon is ready.
    """

    def __init__(self, ready_fd: int | None) -> None:
        self._ready_fd = ready_fd
        self._address = os.environ.pop("NOTIFY_SOCKET", "")

    def ready(self) -> None:
        """Tell that it listens."""
        if self._ready_fd is not None:
            os.write(self._ready_fd, b"1")
            os.close(self._ready_fd)
        self._notify("READY=1")

    def stopping(self) -> None:
        """Tell that it ends by itself."""
        self._notify("STOPPING=1")

    def _notify(self, state: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(state.encode(), address)
