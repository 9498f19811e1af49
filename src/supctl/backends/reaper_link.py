"""The daemon's end of the reaper: start it, speak with it, see it go."""

from __future__ import annotations

import array
import os
import resource
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import trio

from supctl.errors import ProtocolError
from supctl.ipc.framing import FrameReader

from .reaper.protocol import LIMIT, MAX_DESCRIPTORS, VERSION, decode, encode

# -I and -S: the reaper sees the standard library and this package, nothing of the user's.
# The path goes last, so that no module of site-packages can stand before the standard library's.
_PROGRAM: Final = (
    "import sys; path = sys.argv.pop(1); sys.path.append(path);"
    "from supctl.backends.reaper.main import main; main()"
)

_READ_SIZE: Final = 256 * 1024

_own_descriptor_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_descriptor_limit() -> None:
    """Allow this process all the descriptors it may have; programs keep the limit we came with.

    A thousand apps need some thousands of descriptors and the usual soft limit is 1,024. For
    programs of our own only: a limit is the whole process's, and not a library's to change.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class ReaperLink:
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
        ours.setblocking(False)
        self.pid = self._process.pid
        self._socket = ours
        self._frames = FrameReader(LIMIT)
        self._descriptors: deque[int] = deque()
        self._outgoing: deque[tuple[bytes, list[int]]] = deque()
        self._has_outgoing = trio.Event()

    def send(self, *message: Any, descriptors: list[int] | None = None) -> None:
        """Send a message, now or as soon as the link takes it. Never blocks.

        ``descriptors`` are duplicated where they must wait. What is sent to a reaper that is
        gone goes nowhere; :meth:`receive` tells of the loss.
        """
        data, fds = encode(message), descriptors or []
        if not self._outgoing:
            sent = self._try_send(data, fds)
            if sent == len(data):
                return
            if sent:
                data, fds = data[sent:], []
        self._outgoing.append((data, [os.dup(fd) for fd in fds]))
        self._has_outgoing.set()

    def _try_send(self, data: bytes, fds: list[int]) -> int:
        """Return how many bytes the link took; all of them if the reaper is gone."""
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

    async def receive(self) -> Iterator[list[Any]]:
        """Wait for the next messages and return them, in order.

        Raises:
            EOFError: the reaper is gone.
            ProtocolError: the stream has lost its frames; the reaper must be given up.
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

    @staticmethod
    def check_hello(version: Any) -> None:
        """Raise :class:`ProtocolError` unless the reaper speaks our version."""
        if version != VERSION:
            raise ProtocolError(f"a reaper of protocol {version!r}", f"protocol {VERSION}")

    def kill(self) -> None:
        """End a reaper that cannot be trusted any more."""
        self._process.kill()

    async def close(self) -> None:
        """Let the reaper go and wait for its end; it stays until all it holds is gone."""
        self._socket.close()
        _close([*self._descriptors, *(fd for _, fds in self._outgoing for fd in fds)])
        self._descriptors.clear()
        self._outgoing.clear()
        await self._wait()

    async def _wait(self) -> None:
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:  # no pidfd on this kernel
            await trio.to_thread.run_sync(self._process.wait)
            return
        try:
            await trio.lowlevel.wait_readable(fd)
        finally:
            os.close(fd)
            if self._process.poll() is None:
                # We were cancelled: it ends by itself; nobody is to warn of it meanwhile.
                self._process.returncode = 0


def _close(descriptors: list[int]) -> None:
    for fd in descriptors:
        os.close(fd)
