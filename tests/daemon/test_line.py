"""A line to the daemon, with somebody at its other end who does as the test says."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from supctl.control.line import Line
from supctl.errors import ActorTimeout, CannotEncode, ConnectionLost
from supctl.ipc import messages as m


class Daemon:
    """The other end. It reads nothing before it is told to."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.say([m.HELLO, m.VERSION, "daemon", 1, {"version": "0"}])

    def say(self, message: list[Any]) -> None:
        payload = msgpack.packb(message)
        self._socket.sendall(struct.pack(">I", len(payload)) + payload)

    def hear(self) -> list[Any]:
        (length,) = struct.unpack(">I", self._exactly(4))
        message: list[Any] = msgpack.unpackb(self._exactly(length))
        return message

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self._socket.recv(count - len(data))
        return data


@pytest.fixture
def ends() -> Iterator[tuple[Line, Daemon]]:
    ours, theirs = socket.socketpair()
    with theirs:
        daemon = Daemon(theirs)
        line = Line(ours)
        yield line, daemon
        line.close()


def test_the_time_out_of_one_is_not_that_of_all(ends: tuple[Line, Daemon]) -> None:
    line, daemon = ends
    told: list[Any] = []

    def wait_a_moment() -> None:
        with pytest.raises(ActorTimeout):
            line.call("wait", {}, timeout=0.1)
        told.append("late")

    def send_much() -> None:
        told.append(line.call("add", {"tree": "x" * 4_000_000}))

    waiter = threading.Thread(target=wait_a_moment)
    waiter.start()
    daemon.hear()
    sender = threading.Thread(target=send_much)
    sender.start()
    sender.join(0.5)  # it does not fit into the socket, and the other one's time is over
    assert sender.is_alive()
    while (heard := daemon.hear())[3:4] != ["add"]:
        pass
    daemon.say([m.RESULT, heard[1], "added"])
    for thread in (sender, waiter):
        thread.join(10)
    assert sorted(told) == ["added", "late"]


def test_who_hangs_up_wakes_who_waits(ends: tuple[Line, Daemon]) -> None:
    line, daemon = ends
    told: list[BaseException] = []

    def wait() -> None:
        try:
            line.call("wait", {})
        except ConnectionLost as error:
            told.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    daemon.hear()
    line.close()
    waiter.join(10)
    assert not waiter.is_alive()
    assert len(told) == 1


@pytest.mark.parametrize("value", [10**30, {1, 2}, [object()]])
def test_what_cannot_be_sent_is_told_and_nothing_is_waited_for(
    ends: tuple[Line, Daemon], value: Any
) -> None:
    line, _ = ends
    with pytest.raises(CannotEncode, match=r"^there, of type (int|set|list), cannot be sent"):
        line.call("m", {"here": 1, "there": value})
    assert not line._waiting
