"""The control socket, which stays where it belongs."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio

from supctl.control.endpoint import listen
from supctl.control.home import Home
from supctl.errors import SupctlError

from .admission import Admission

_log = logging.getLogger("supctl.daemon")

_BACKLOG: Final = 512
_OUT_OF_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_REST: Final = 0.1
"""Seconds until a system that is out of descriptors is asked again."""

_PATIENCE: Final = 1.0
"""Seconds until a directory that cannot be used is tried again."""

_SIGNALS: Final = (signal.SIGIO, signal.SIGHUP)
_CHANGES: Final = fcntl.DN_CREATE | fcntl.DN_DELETE | fcntl.DN_RENAME | fcntl.DN_MULTISHOT


class Listener:
    """Listens at the control socket of a home; one that a dead daemon has left is replaced.

    When somebody deletes or replaces it, it is bound again: the kernel tells by SIGIO that the
    directory has changed (``F_NOTIFY`` of fcntl(2)), and whoever knows better by SIGHUP.

    Args:
        home: of the daemon.
        admission: who is let in.
        hold: is given its descriptor, and a text that tells its file, whenever they are others:
            for a daemon that comes after.
        held: what the daemon before has given; connections have waited there meanwhile.

    Raises:
        InvalidConfig: those cannot be let in.
        OSError: nobody can.
    """

    def __init__(
        self,
        home: Home,
        admission: Admission,
        hold: Callable[[int, str], None] = lambda fd, file: None,
        held: tuple[int, str] | None = None,
    ) -> None:
        self._home, self._admission, self._hold = home, admission, hold
        self._directory = -1
        self._identity: tuple[int, int] | None = None
        if held is None or not self._take_over(*held):
            self._bind()

    def _take_over(self, fd: int, file: str) -> bool:
        """Listen at a socket that listens already; return whether it is where it belongs."""
        taken = socket.socket(fileno=fd)
        self._identity = self._found()
        if self._identity is None or _told(self._identity) != file:
            taken.close()
            return False
        self._admission.open_directory(self._home)
        self._admission.open_socket(self._home.socket)
        self._socket = trio.socket.from_stdlib_socket(taken)
        self._hold(fd, file)
        return True

    async def accept(self) -> socket.socket:
        """Return the next connection. Waits as long as the system is out of descriptors."""
        while True:
            listening = self._socket
            try:
                connected, _ = await listening.accept()
                return connected._sock  # type: ignore[attr-defined,no-any-return]
            except trio.ClosedResourceError:
                if listening is self._socket:
                    raise
            except OSError as error:
                if error.errno not in _OUT_OF_DESCRIPTORS:
                    raise
                await trio.sleep(_REST)

    async def watch(self) -> None:
        """Bind again whenever that is needed, for ever."""
        for number in _SIGNALS:
            signal.signal(number, _take)  # one that comes late must not end us
        with trio.open_signal_receiver(*_SIGNALS) as received:
            self._watch_directory()
            async for _ in received:
                if not self._is_in_place():
                    await self._return()

    def close(self) -> None:
        """Listen no more."""
        if self._is_in_place():
            self._home.socket.unlink()
        self._socket.close()
        self._forget_directory()

    def _bind(self) -> None:
        with suppress(FileNotFoundError):
            self._home.socket.unlink()
        self._admission.open_directory(self._home)
        self._socket = trio.socket.from_stdlib_socket(listen(self._home.address, _BACKLOG))
        self._admission.open_socket(self._home.socket)
        self._identity = self._found()
        if self._identity is not None:
            self._hold(self._socket.fileno(), _told(self._identity))

    def _found(self) -> tuple[int, int] | None:
        """Return what is at our path now; its number is not used again while we listen at it."""
        try:
            found = self._home.socket.lstat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _is_in_place(self) -> bool:
        return self._identity is not None and self._found() == self._identity

    async def _return(self) -> None:
        """Bind again, as soon as that can be done."""
        path, said = self._home.socket, ""
        while not self._is_in_place():
            before = self._socket
            try:
                self._home.make()
                self._bind()
                self._watch_directory()
            except (OSError, SupctlError) as error:
                if str(error) != said:
                    said = str(error)
                    _log.error("%s is gone, and cannot be bound again: %s", path, said)
                await trio.sleep(_PATIENCE)
            else:
                before.close()
                _log.warning("%s was gone, and is bound again", path)

    def _watch_directory(self) -> None:
        self._forget_directory()
        self._directory = os.open(self._home.run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):  # a kernel without it: SIGHUP tells
            fcntl.fcntl(self._directory, fcntl.F_NOTIFY, _CHANGES)

    def _forget_directory(self) -> None:
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1


def _told(identity: tuple[int, int]) -> str:
    """Return the identity of a file as text."""
    return f"{identity[0]}:{identity[1]}"


def _take(number: int, frame: object) -> None:
    """Take a signal that nobody waits for. Programs do not inherit this, as they would SIG_IGN."""
