"""Descriptors that are handed over beside a conversation that cannot carry them."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Final

import trio

from supctl.errors import ProtocolError

_SIZE: Final = 8
_MOST: Final = 16
"""Descriptors in one packet."""


class Handover:
    """One end of a socket of packets, each a number and the descriptors that belong to it.

    Who hands over does so before it says a word about it: when that word is read, the packet is
    there. The two directions have numbers of their own.

    Args:
        fd: the socket, which belongs to it from now on.
    """

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)
        self._one_at_a_time = trio.Lock()
        self._arrived: dict[int, list[int]] = {}
        self._unwanted: set[int] = set()

    async def send(self, number: int, descriptors: Sequence[int]) -> None:
        """Send copies of ``descriptors``; to somebody who is gone they go nowhere."""
        async with self._one_at_a_time:
            while True:
                try:
                    socket.send_fds(self._socket, [number.to_bytes(_SIZE)], descriptors)
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._socket)
                except OSError:
                    return
                else:
                    return

    def take(self, number: int) -> list[int]:
        """Return what was sent under that number; the descriptors are the caller's to close.

        Raises:
            ProtocolError: nothing was.
        """
        while number not in self._arrived:
            self._receive()
        return self._arrived.pop(number)

    def refuse(self, number: int) -> None:
        """Close what was sent under that number, or will be."""
        if number in self._arrived:
            _close(self._arrived.pop(number))
        else:
            self._unwanted.add(number)

    def _receive(self) -> None:
        cloexec = socket.MSG_CMSG_CLOEXEC
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, _SIZE, _MOST, cloexec)
        except OSError as error:
            raise ProtocolError(f"no descriptors ({error})", "those that were announced") from None
        if not data:
            raise ProtocolError("no descriptors", "those that were announced")
        number = int.from_bytes(data)
        if number in self._unwanted:
            self._unwanted.discard(number)
            _close(descriptors)
        else:
            self._arrived[number] = descriptors

    def close(self) -> None:
        """Close the socket, and what nobody took."""
        self._socket.close()
        for descriptors in self._arrived.values():
            _close(descriptors)
        self._arrived.clear()


def _close(descriptors: Sequence[int]) -> None:
    for fd in descriptors:
        os.close(fd)
