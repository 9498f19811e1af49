"""A conversation with the daemon for programs without an event loop.

The same protocol as everywhere (docs/protocol.md). What the daemon is asked and answers are plain
values, so msgpack alone does here, and a command need not wait for more to be imported.
"""

from __future__ import annotations

import math
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import msgpack

from supctl import errors
from supctl.errors import (
    ActorTimeout,
    CannotEncode,
    ConnectionLost,
    ProtocolError,
    RemoteError,
    SupctlError,
)
from supctl.ipc import messages as m

from .target import TARGET

_HEADER: Final = struct.Struct(">I")
_LIMIT: Final = 64 * 1024 * 1024
_READ_SIZE: Final = 256 * 1024
_WINDOW: Final = 256
"""Items of a stream that may be on their way."""

GREETING: Final = 15.0
"""Seconds in which a daemon has to introduce itself, which may have to be started before."""


class _Waiting:
    """What a call of ours waits for: items, in the end one answer."""

    __slots__ = ("error", "is_over", "items", "taken")

    def __init__(self) -> None:
        self.items: deque[Any] = deque()
        self.error: Exception | None = None
        self.is_over = False
        self.taken = 0


class Line:
    """A conversation over a connected socket. Any thread may ask, at any time.

    Whoever waits for an answer reads for all: there is no thread of its own.

    Args:
        sock: belongs to the line from now on.
        facts: told to the daemon with the greeting.
        greeting: seconds in which the daemon has to introduce itself.

    Raises:
        ConnectionLost: the daemon went away, or said nothing.
        ProtocolError: it speaks another version.
    """

    def __init__(
        self,
        sock: socket.socket,
        facts: Mapping[str, Any] | None = None,
        greeting: float = GREETING,
    ) -> None:
        # It has no time-out: that would be one for those who send meanwhile as well.
        sock.settimeout(None)
        self._socket = sock
        self._arrivals = select.poll()
        self._arrivals.register(sock, select.POLLIN)
        self._rest = bytearray()
        self._turn = threading.Condition()  # guards all below
        self._sending = threading.Lock()
        self._is_read = False
        self._waiting: dict[int, _Waiting] = {}
        self._last_number = 0
        self._end: Exception | None = None
        self.daemon: dict[str, Any] = {}
        """What the daemon has told of itself: ``version``, ``pid``, ..."""
        try:
            self._send([m.HELLO, m.VERSION, "command", os.getpid(), dict(facts or {})])
            self._greet(greeting)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up. What is unanswered fails."""
        self._lose(ConnectionLost("the daemon", "the line was closed"))
        with suppress(OSError):  # the daemon has hung up already
            self._socket.shutdown(socket.SHUT_RDWR)  # who reads is woken
        self._socket.close()

    @property
    def is_lost(self) -> bool:
        """Whether it is over."""
        return self._end is not None

    # Asking.

    def call(self, method: str, kwargs: Mapping[str, Any], timeout: float | None = None) -> Any:
        """Ask, and return the answer.

        Args:
            method: of the control protocol.
            kwargs: plain values.
            timeout: seconds; then the daemon is told that nobody waits any more.

        Raises:
            ActorTimeout: there was no answer in time.
            ConnectionLost: the daemon is gone.
            SupctlError: what it answers.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        waiting, number = self._ask(method, kwargs, timeout, None)
        try:
            if not self._wait(waiting, deadline):
                raise ActorTimeout("the daemon", method, timeout or 0.0)
        except BaseException:
            self._abandon(number)
            raise
        if waiting.error is not None:
            raise waiting.error
        return waiting.items.popleft()

    def stream(self, method: str, kwargs: Mapping[str, Any]) -> Iterator[Any]:
        """Ask for a stream, and yield its items as they come. Closing it ends it over there."""
        waiting, number = self._ask(method, kwargs, None, _WINDOW)
        try:
            while self._wait(waiting, None):
                if not waiting.items:
                    break
                yield waiting.items.popleft()
                waiting.taken += 1
                if waiting.taken * 2 >= _WINDOW and not waiting.is_over:
                    self._send([m.CREDIT, number, waiting.taken])
                    waiting.taken = 0
            if waiting.error is not None:
                raise waiting.error
        finally:
            self._abandon(number)

    def _ask(
        self, method: str, kwargs: Mapping[str, Any], timeout: float | None, credit: int | None
    ) -> tuple[_Waiting, int]:
        waiting = _Waiting()
        with self._turn:
            if self._end is not None:
                raise self._end
            number = self._last_number = self._last_number + 1
            self._waiting[number] = waiting
        try:
            self._send([m.CALL, number, TARGET, method, [], dict(kwargs), timeout, credit])
        except (OverflowError, TypeError, ValueError) as error:
            with self._turn:
                del self._waiting[number]
            raise _cannot_encode(kwargs, str(error)) from None
        return waiting, number

    def _abandon(self, number: int) -> None:
        with self._turn:
            waiting = self._waiting.get(number)
            if waiting is None or self._end is not None:
                return
        self._send([m.CANCEL, number])  # its acknowledgement ends the wait

    def _send(self, message: list[Any]) -> None:
        payload = msgpack.packb(message)
        try:
            with self._sending:
                self._socket.sendall(_HEADER.pack(len(payload)) + payload)
        except OSError as error:
            self._lose(ConnectionLost("the daemon", str(error)))
            raise ConnectionLost("the daemon", str(error)) from None

    # Reading.

    def _wait(self, waiting: _Waiting, deadline: float | None) -> bool:
        """Wait until there is an item or the end; return whether that came in time."""
        while True:
            with self._turn:
                if waiting.items or waiting.is_over:
                    return True
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                if self._is_read:
                    self._turn.wait(left)
                    continue
                self._is_read = True
            try:
                self._read(left)
            finally:
                with self._turn:
                    self._is_read = False
                    self._turn.notify_all()

    def _read(self, timeout: float | None) -> None:
        """Read what comes next, for whomever it is; return after ``timeout`` at the latest."""
        try:
            if not self._arrivals.poll(None if timeout is None else math.ceil(timeout * 1000)):
                return
            data = self._socket.recv(_READ_SIZE)
        except OSError as error:
            self._lose(ConnectionLost("the daemon", str(error)))
            return
        if not data:
            self._lose(ConnectionLost("the daemon", "it has ended the conversation"))
            return
        try:
            for message in self._cut(data):
                with self._turn:
                    self._take(message)
        except ProtocolError as error:
            self._lose(error)
        except (ValueError, LookupError, TypeError) as error:  # whoever speaks is no daemon
            self._lose(ProtocolError(f"what is no message ({error})", "a message of a daemon"))

    def _cut(self, data: bytes) -> Iterator[list[Any]]:
        rest = self._rest
        rest += data
        while len(rest) >= _HEADER.size:
            (length,) = _HEADER.unpack_from(rest)
            if length > _LIMIT:
                raise ProtocolError(f"a frame of {length} bytes", f"at most {_LIMIT}")
            end = _HEADER.size + length
            if len(rest) < end:
                return
            payload = bytes(rest[_HEADER.size : end])
            del rest[:end]
            yield msgpack.unpackb(payload, strict_map_key=False)

    def _take(self, message: list[Any]) -> None:
        kind, *told = message
        if kind == m.HELLO:
            if told[0] != m.VERSION:
                raise ProtocolError(
                    f"version {told[0]} of the protocol from the daemon",
                    f"version {m.VERSION}; restart the daemon with this supctl",
                )
            self.daemon = {"pid": told[2], **told[3]}
        elif kind == m.BYE:
            self._lose(ConnectionLost("the daemon", f"it said goodbye: {told[0]}"))
        elif kind == m.PING:
            self._send([m.PONG, told[0]])
        elif (waiting := self._waiting.get(told[0])) is not None:
            self._answer(waiting, kind, told)

    def _answer(self, waiting: _Waiting, kind: int, told: list[Any]) -> None:
        if kind in (m.RESULT, m.ITEM):
            waiting.items.append(told[1])
        if kind == m.ERROR and told[1] is not None:
            waiting.error = error_of(told[1][1])
        if kind != m.ITEM:
            waiting.is_over = True
            del self._waiting[told[0]]

    def _greet(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while not self.daemon and self._end is None and time.monotonic() < deadline:
            self._read(max(0.0, deadline - time.monotonic()))
        if self._end is not None:
            raise self._end
        if not self.daemon:
            raise ConnectionLost("the daemon", f"it said nothing within {patience:g} s")

    def _lose(self, error: Exception) -> None:
        with self._turn:
            if self._end is None:
                self._end = error
            for waiting in self._waiting.values():
                waiting.error, waiting.is_over = self._end, True
            self._waiting.clear()
            self._turn.notify_all()


def _plain(value: Any) -> Any:
    """Return a value of an error; a tuple is a list behind a mark (docs/protocol.md)."""
    if isinstance(value, list) and value and isinstance(value[0], msgpack.ExtType):
        return tuple(map(_plain, value[1:]))
    return value


def error_of(told: Mapping[str, Any]) -> Exception:
    """Return the error that an ERROR message tells of: one of ours as itself, another as a
    :class:`~supctl.errors.RemoteError`."""
    name = str(told["type"]).rpartition(".")[2]
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, SupctlError):
        try:
            error: Exception = kind(*map(_plain, told["args"]))
        except TypeError:
            error = RemoteError(str(told["type"]), str(told["message"]), {})
    else:
        error = RemoteError(str(told["type"]), str(told["message"]), dict(told["fields"]))
    if told["traceback"]:
        error.add_note(f"Traceback in the daemon:\n{told['traceback']}".rstrip())
    return error


def _cannot_encode(kwargs: Mapping[str, Any], why: str) -> CannotEncode:
    """Return the error for the argument that cannot be sent."""
    for name, value in kwargs.items():
        try:
            msgpack.packb(value)
        except (OverflowError, TypeError, ValueError):
            return CannotEncode(name, type(value).__qualname__, why)
    return CannotEncode("timeout", "float", why)
