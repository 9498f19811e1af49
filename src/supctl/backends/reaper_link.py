"""The daemon's end of the reaper: start it, speak with it, see it go."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import trio

from supctl.errors import ProtocolError

from .link import Link
from .reaper.program import Program
from .reaper.protocol import VERSION, encode
from .reaper_program import OWN_DESCRIPTOR_LIMIT, reaper_command

_BATCH: Final = 64
"""Notes in one message: what is not sent to its end is lost with us."""


@dataclass(frozen=True, slots=True)
class Heirs:
    """How whoever supervises after us is started.

    Args:
        program: what starts them.
        arguments: theirs, but for the link to the reaper.
        fds: descriptors of ours that they get.
    """

    program: Program
    arguments: Sequence[str] = ()
    fds: Sequence[int] = ()


class ReaperLink(Link):
    """A running reaper and the socket to it.

    Args:
        ours: our end of the socket, which belongs to it from now on.
        process: the reaper, if it is our child. Else we are its child, and not the first one
            perhaps: what others have left comes first.
        limit: of descriptors of the programs.
        outlives_us: whether it is there for those after us, too.

    Attributes:
        pid: of the reaper.
        limit: of descriptors of the programs; if we are its child, once it has said hello.
    """

    def __init__(
        self,
        ours: socket.socket,
        process: subprocess.Popen[bytes] | None = None,
        limit: int = OWN_DESCRIPTOR_LIMIT,
        *,
        outlives_us: bool = False,
    ) -> None:
        super().__init__(ours)
        self._process, self._outlives_us = process, outlives_us or process is None
        self.pid = os.getppid() if process is None else process.pid
        self.limit = limit
        self._notes: dict[str, str | None] = {}
        self._forgotten: list[int] = []
        self._has_notes = trio.Event()

    def note(self, key: str, text: str | None) -> None:
        """Have a text kept for whoever supervises after us, in place of an earlier one; ``None``:
        none.

        It is told with the next message that is sent, at the latest when all tasks have had their
        turn: of a thousand that change together, one by one would take long.
        """
        self._notes[key] = text
        self._has_notes.set()
        if len(self._notes) >= _BATCH:
            self._put(self._unsaid(), [])

    def forget(self, number: int) -> None:
        """Let go of what is known of a run, behind the notes about it."""
        self._forgotten.append(number)
        self._has_notes.set()

    def _unsaid(self) -> bytes:
        if not self._has_notes.is_set():
            return b""
        told = ["note", self._notes, self._forgotten]
        self._notes, self._forgotten, self._has_notes = {}, [], trio.Event()
        return encode(told)

    async def flush_forever(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(super().flush_forever)
            while True:
                await self._has_notes.wait()
                self._put(self._unsaid(), [])

    @classmethod
    def start(cls, heirs: Heirs | None = None, limit: int = OWN_DESCRIPTOR_LIMIT) -> Self:
        """Start a reaper that is to end with us; or, with ``heirs``, to start those after us.

        ``limit``: of descriptors of the programs.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, ExitStack() as held:
            link, fds = theirs.fileno(), []
            command = reaper_command(str(link), limit)
            if heirs is not None:
                # It must know us also if we are killed before it looks for its parent.
                pidfd = os.pidfd_open(os.getpid())
                held.callback(os.close, pidfd)
                orders = asdict(heirs) | {"link": link, "pid": os.getpid(), "pidfd": pidfd}
                command = [*heirs.program.reaper, json.dumps(orders), str(limit)]
                fds = [pidfd, *heirs.fds]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=None if heirs else subprocess.DEVNULL,
                pass_fds=[link, *fds],
                start_new_session=True,  # a terminal's Ctrl-C is for us, not for the reaper
            )
        return cls(ours, process, limit, outlives_us=heirs is not None)

    @property
    def is_above(self) -> bool:
        """Whether the reaper has started us."""
        return self._process is None

    def greet(self, version: Any, limit: int) -> None:
        """Take what the reaper says first.

        Raises:
            ProtocolError: it does not speak our version.
        """
        if version != VERSION:
            raise ProtocolError(f"a reaper of protocol {version!r}", f"protocol {VERSION}")
        self.limit = limit

    def kill(self) -> None:
        """End a reaper that cannot be trusted any more."""
        if self._process is None:
            os.kill(self.pid, signal.SIGKILL)
        else:
            self._process.kill()

    async def wait(self) -> None:
        """Return when a reaper that was let go has ended; it stays until all it holds is gone.

        At once if it is one that waits for our end.
        """
        if self._outlives_us or self._process is None:
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
