"""What a program tells of itself: the messages of sd_notify(3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from supctl.backends.base import Process
from supctl.backends.notify import NotifySocket

_LONGEST_STATUS: Final = 200
"""Letters of a status text that are kept."""


class Notes:
    """Hears the messages of one run of a program.

    Args:
        socket: where they come in; closed by :meth:`close`.
        heard: is called with the name and the value of each assignment of a message.
    """

    def __init__(self, socket: NotifySocket, heard: Callable[[str, str], None]) -> None:
        self._socket, self._heard = socket, heard
        self.refused = 0
        """How many messages came from strangers, and were not believed."""

    @property
    def address(self) -> str:
        """What ``NOTIFY_SOCKET`` must be for the program."""
        return self._socket.address

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hear nothing more."""
        self._socket.close()

    async def listen(self, process: Process) -> None:
        """Hear messages until cancelled, those of processes that belong to ``process`` only."""
        while True:
            pid, message = await self._socket.receive()
            if not process.holds(pid):
                self.refused += 1
                continue
            for line in message.decode("utf-8", "replace").split("\n"):
                name, sign, value = line.partition("=")
                if sign:
                    self._heard(name, value)


def status_text(value: str) -> str:
    """Return a ``STATUS=`` text fit for a terminal: one line, without escapes, not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in value)
    return " ".join(shown.split())[:_LONGEST_STATUS]
