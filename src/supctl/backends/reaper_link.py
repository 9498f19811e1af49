"""The daemon's end of the reaper: start it, speak with it, see it go."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

import trio

from supctl.errors import ProtocolError

from .link import Link
from .reaper.protocol import VERSION

# -I and -S: the reaper sees the standard library and this package, nothing of the user's.
# The path goes last, so that no module of site-packages can stand before the standard library's.
_PROGRAM: Final = (
    "import sys; path = sys.argv.pop(1); sys.path.append(path);"
    "from supctl.backends.reaper.main import main; main()"
)

_own_descriptor_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_descriptor_limit() -> None:
    """Allow this process all the descriptors it may have; programs keep the limit we came with.

    A thousand apps need some thousands of descriptors and the usual soft limit is 1,024. For
    programs of our own only: a limit is the whole process's, and not a library's to change.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class ReaperLink(Link):
    """A running reaper and the socket to it.

    Attributes:
        pid: of the reaper.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", "-c", _PROGRAM),
                    *(str(Path(__file__).parents[2]), str(theirs.fileno())),
                    str(_own_descriptor_limit),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a terminal's Ctrl-C is for us, not for the reaper
            )
        super().__init__(ours)
        self.pid = self._process.pid

    @staticmethod
    def check_hello(version: Any) -> None:
        """Raise :class:`ProtocolError` unless the reaper speaks our version."""
        if version != VERSION:
            raise ProtocolError(f"a reaper of protocol {version!r}", f"protocol {VERSION}")

    def kill(self) -> None:
        """End a reaper that cannot be trusted any more."""
        self._process.kill()

    async def wait(self) -> None:
        """Return when a reaper that was let go has ended; it stays until all it holds is gone."""
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
