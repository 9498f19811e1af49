"""The daemon's end of the reaper: start it, speak with it, see it go."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from typing import Any, Self

import trio

from supctl.errors import ProtocolError

from .link import Link
from .reaper.protocol import VERSION
from .reaper_program import reaper_command


class ReaperLink(Link):
    """A running reaper and the socket to it.

    Args:
        ours: our end of the socket, which belongs to it from now on.
        process: the reaper, if it is our child. Else we are its child, and not the first one
            perhaps: what others have left comes first.

    Attributes:
        pid: of the reaper.
    """

    def __init__(self, ours: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        super().__init__(ours)
        self._process = process
        self.pid = os.getppid() if process is None else process.pid

    @classmethod
    def start(cls) -> Self:
        """Start a reaper that is to end with us."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            process = subprocess.Popen(
                reaper_command(str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a terminal's Ctrl-C is for us, not for the reaper
            )
        return cls(ours, process)

    @property
    def is_above(self) -> bool:
        """Whether the reaper has started us."""
        return self._process is None

    @staticmethod
    def check_hello(version: Any) -> None:
        """Raise :class:`ProtocolError` unless the reaper speaks our version."""
        if version != VERSION:
            raise ProtocolError(f"a reaper of protocol {version!r}", f"protocol {VERSION}")

    def kill(self) -> None:
        """End a reaper that cannot be trusted any more."""
        if self._process is None:
            os.kill(self.pid, signal.SIGKILL)
        else:
            self._process.kill()

    async def wait(self) -> None:
        """Return when a reaper that was let go has ended; it stays until all it holds is gone.

        At once if it has started us: it waits for our end.
        """
        if self._process is None:
            return
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:  # no pidfd on this kernel
            await trio.to_thread.run_sync(self._process.wait)
            return
        try:
            await trio.lowlevel.wait_readable(fd)
        finally:
            os.close(fd)
            if self._process.poll() is None:  # we were cancelled: it ends later, and is no zombie
                threading.Thread(target=self._process.wait, daemon=True).start()
