"""The control socket: takes conversations in."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

from supctl._version import __version__
from supctl.control.endpoint import listen
from supctl.errors import ConnectionLost, PermissionDenied, ProtocolError
from supctl.ipc import Codec, Hello, Service, open_connection

from .peer import Peer

_log = logging.getLogger("supctl.daemon")

_BACKLOG: Final = 512
_MOST: Final = 1000
"""Conversations at once; more wait in the backlog."""

_LIMIT: Final = 16 * 2**20
"""Bytes of a message of a command: a file of ten thousand apps fits."""

_GREETING: Final = 5.0
_OUT_OF_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_REST: Final = 0.1
"""Seconds until a system that is out of descriptors is asked again."""


class ControlServer:
    """Listens, and serves whoever connects and may.

    Args:
        path: of the socket. One that a dead daemon has left is replaced.
        service: makes what a peer is given access to.
    """

    def __init__(self, path: Path, service: Callable[[Peer], Service]) -> None:
        self._path, self._service = path, service
        with suppress(FileNotFoundError):
            path.unlink()
        self._socket = trio.socket.from_stdlib_socket(listen(path, _BACKLOG))
        self._room = trio.Semaphore(_MOST)

    async def serve(self) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                await self._room.acquire()
                try:
                    connected, _ = await self._socket.accept()
                except OSError as error:
                    self._room.release()
                    if error.errno not in _OUT_OF_DESCRIPTORS:
                        raise
                    await trio.sleep(_REST)
                    continue
                nursery.start_soon(self._converse, connected)

    async def _converse(self, connected: trio.socket.SocketType) -> None:
        try:
            stream = trio.SocketStream(connected)
            peer = Peer.of(connected._sock)  # type: ignore[attr-defined]
            with suppress(ConnectionLost, ProtocolError, PermissionDenied):
                peer.check()
                async with open_connection(
                    stream,
                    hello=Hello("daemon", facts={"version": __version__}),
                    service=self._service(peer),
                    codec=Codec(limit=_LIMIT),
                    heartbeat=None,  # a command that waits for nothing reads nothing
                    greeting=_GREETING,
                ) as connection:
                    await connection.closed.wait()
        except Exception:
            _log.exception("a conversation has failed")
        finally:
            connected.close()
            self._room.release()

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()
        with suppress(FileNotFoundError):
            self._path.unlink()
