"""Many conversations with the daemon at once, each asking again and again."""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass, field

import msgpack

from supctl.control.endpoint import connect
from supctl.ipc import messages as m

_HEADER = struct.Struct(">I")
_TURN = 0.002
"""Seconds after which it is looked whether more should be asked."""


@dataclass(slots=True)
class _Conversation:
    socket: socket.socket
    rest: bytearray = field(default_factory=bytearray)
    asked: int = 0
    answered: int = 0

    def ask(self) -> None:
        self.asked += 1
        call = [m.CALL, self.asked, "daemon", "ping", [], {}, None, None]
        self.socket.sendall(_framed(call))

    def read(self) -> int:
        """Take what has come; return how many answers that were."""
        self.rest += self.socket.recv(65536)
        before = self.answered
        while len(self.rest) >= _HEADER.size:
            end = _HEADER.size + _HEADER.unpack_from(self.rest)[0]
            if len(self.rest) < end:
                break
            message = msgpack.unpackb(self.rest[_HEADER.size : end])
            del self.rest[:end]
            self.answered += message[0] == m.RESULT and message[2] == "pong"
        return self.answered - before


@dataclass(frozen=True, slots=True)
class Crowd:
    """What came of it.

    Args:
        rate: requests that were answered, each second.
        lost: requests that were not.
    """

    rate: float
    lost: int


def crowd(path: str, conversations: int, seconds: float, most: float) -> Crowd:
    """Have so many conversations ask for so long, ``most`` times a second in all."""
    with selectors.DefaultSelector() as selector:
        open_ones = [_greeted(path) for _ in range(conversations)]
        for one in open_ones:
            selector.register(one.socket, selectors.EVENT_READ, one)
        free, asked, began = deque(open_ones), 0, time.monotonic()
        while (spent := time.monotonic() - began) < seconds:
            while free and asked < most * spent:
                free.popleft().ask()
                asked += 1
            for key, _ in selector.select(_TURN):
                if key.data.read():
                    free.append(key.data)
        answered = sum(one.answered for one in open_ones)
        _finish(selector, open_ones)
    lost = sum(one.asked - one.answered for one in open_ones)
    for one in open_ones:
        one.socket.close()
    return Crowd(answered / spent, lost)


def _finish(selector: selectors.BaseSelector, open_ones: list[_Conversation]) -> None:
    """Wait for the answers that are on their way."""
    deadline = time.monotonic() + 10
    while any(one.asked > one.answered for one in open_ones) and time.monotonic() < deadline:
        for key, _ in selector.select(1):
            key.data.read()


def _greeted(path: str) -> _Conversation:
    one = _Conversation(connect(path, 10))
    one.socket.sendall(_framed([m.HELLO, m.VERSION, "bench", 1, {}]))
    one.read()
    return one


def _framed(message: list[object]) -> bytes:
    payload: bytes = msgpack.packb(message)
    return _HEADER.pack(len(payload)) + payload
