"""Conversations: with whom, how many, and for how long."""

from __future__ import annotations

import logging
import resource
import socket
from collections.abc import Callable, Sequence
from typing import Final

import trio

from supctl._version import __version__
from supctl.errors import ConnectionLost, ProtocolError
from supctl.ipc import Codec, Hello, Service, open_connection

from .listener import Listener
from .peer import Peer

_log = logging.getLogger("supctl.daemon")

_MOST: Final = 1000
"""Conversations at once; more wait in the backlog."""

_MOST_OF_OTHERS: Final = 100
"""Of them with users whom a group lets in: they must not keep our own user out."""

_SHARE: Final = 4
"""Of so many descriptors that we may have, one is for conversations, at the most."""

_LIMIT: Final = 16 * 2**20
"""Bytes of a message of a command: a file of ten thousand apps fits."""

_GREETING: Final = 5.0


class ControlServer:
    """Serves whoever connects and may.

    Args:
        listener: where they connect.
        service: makes what a peer is given access to.
        ended: pids of what earlier daemons had left to nobody; told to everybody.
    """

    def __init__(
        self, listener: Listener, service: Callable[[Peer], Service], ended: Sequence[int] = ()
    ) -> None:
        self._listener, self._service = listener, service
        self._facts = {"version": __version__, "ended": [*ended]}
        self._room = trio.Semaphore(_most())
        self._others = 0

    async def serve(self) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listener.watch)
            while True:
                await self._room.acquire()
                nursery.start_soon(self._converse, await self._listener.accept())

    async def _converse(self, connected: socket.socket) -> None:
        try:
            await self._speak(connected)
        except ConnectionLost:
            pass  # it has gone, as everybody may
        except ProtocolError as error:
            _log.warning("somebody cannot be understood: %s", error)
        except Exception:
            _log.exception("a conversation has failed")
        finally:
            connected.close()
            self._room.release()

    async def _speak(self, connected: socket.socket) -> None:
        peer = Peer.of(connected)
        if peer.is_ours:
            await self._serve(peer, connected)
        elif self._others >= _MOST_OF_OTHERS:
            _log.warning("%s is not served: %d of other users are", peer.name, self._others)
        else:
            self._others += 1
            try:
                await self._serve(peer, connected)
            finally:
                self._others -= 1

    async def _serve(self, peer: Peer, connected: socket.socket) -> None:
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(connected))
        async with open_connection(
            stream,
            hello=Hello("daemon", facts=self._facts),
            service=self._service(peer),
            codec=Codec(limit=_LIMIT),
            heartbeat=None,  # a command that waits for nothing reads nothing
            greeting=_GREETING,
        ) as connection:
            await connection.closed.wait()


def _most() -> int:
    """Return how many conversations there may be: not more than leave descriptors for programs."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(_MOST, limit // _SHARE))
