"""Bytes to frames and back; no socket in sight.

A frame is a u32 length, big-endian, then that many bytes. A length over the limit
means that the peer speaks something else or has lost its place: the stream cannot be
trusted from there on, and the reader says so instead of waiting for the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from supctl.errors import ProtocolError

HEADER: Final = struct.Struct(">I")

DEFAULT_LIMIT: Final = 64 * 1024 * 1024
"""Largest payload in bytes, unless told otherwise."""

LARGE: Final = 64 * 1024
"""Bytes from which on a payload is not copied only to have it in one piece."""

REUSED: Final = 4 * 1024 * 1024
"""Bytes of a payload whose memory is kept for the next one: fresh memory costs more than the
copying, but a connection that once carried something huge should not stay huge."""


def frame(payload: bytes, limit: int = DEFAULT_LIMIT) -> bytes:
    """Return ``payload`` as one frame.

    Raises:
        ProtocolError: the payload is longer than ``limit`` bytes.
    """
    if len(payload) > limit:
        raise ProtocolError(f"a frame of {len(payload)} bytes", f"at most {limit}")
    return HEADER.pack(len(payload)) + payload


class FrameReader:
    """Collects bytes as they come and gives back whole payloads.

    Holds at most one unfinished frame, so never more than ``limit`` bytes besides
    what was fed last. A large one is collected in a place of its own, into which a
    stream may read directly: what is large is not moved about. Its payload is a view of that
    place, and good until the next one is asked for.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._rest = b""
        self._store = bytearray()
        self._large: memoryview | None = None  # the part of the store that is being filled
        self._have = 0  # bytes of that

    def feed(self, data: bytes) -> Iterator[bytes | memoryview]:
        """Take ``data`` and yield the payloads that are whole now, in order.

        Raises:
            ProtocolError: a length is over the limit; the stream is lost.
        """
        if (room := self.room()) is not None:
            taken = min(len(room), len(data))
            room[:taken] = data[:taken]
            yield from self.fill(taken)
            data = data[taken:]
        data = self._rest + data
        start = 0
        try:
            while len(data) - start >= HEADER.size:
                (length,) = HEADER.unpack_from(data, start)
                if length > self._limit:
                    raise ProtocolError(f"a frame of {length} bytes", f"at most {self._limit}")
                begin = start + HEADER.size
                end = begin + length
                if end > len(data):
                    if length >= LARGE:
                        self._begin_large(length, data[begin:])
                        start = len(data)
                    return
                start = end
                yield data[begin:end]
        finally:
            self._rest = data[start:]

    def room(self) -> memoryview | None:
        """Return where the rest of a large frame belongs; None if none is awaited."""
        return None if self._large is None else self._large[self._have :]

    def fill(self, count: int) -> Iterator[memoryview]:
        """Note that so many bytes were put into the room; yield the payload if it is whole now."""
        assert self._large is not None
        self._have += count
        if self._have == len(self._large):
            whole, self._large = self._large, None
            yield whole

    def _begin_large(self, length: int, start: bytes) -> None:
        if len(self._store) < length or len(self._store) > REUSED:
            self._store = bytearray(length)
        self._large, self._have = memoryview(self._store)[:length], len(start)
        self._large[: self._have] = start

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing of an unfinished frame is held: a good moment for an end."""
        return not self._rest and self._large is None
