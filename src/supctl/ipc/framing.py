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
    what was fed last.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take ``data`` and yield the payloads that are whole now, in order.

        Raises:
            ProtocolError: a length is over the limit; the stream is lost.
        """
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= HEADER.size:
                (length,) = HEADER.unpack_from(self._buffer, start)
                if length > self._limit:
                    raise ProtocolError(f"a frame of {length} bytes", f"at most {self._limit}")
                end = start + HEADER.size + length
                if len(self._buffer) < end:
                    return
                payload = bytes(self._buffer[start + HEADER.size : end])
                start = end
                yield payload
        finally:
            del self._buffer[:start]

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing of an unfinished frame is held: a good moment for an end."""
        return not self._buffer
