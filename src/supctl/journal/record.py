"""One event as a line of the journal: a checksum, a space, and the event as a JSON object.

The checksum is the CRC-32 of the JSON, as eight hexadecimal digits. A line is the unit of damage:
what was torn or flipped spoils that line, and no other.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

from supctl.events import Event

VERSION: Final = 1

_CHECKSUM: Final = 9  # digits, and the space behind them
_SEQ: Final = b'{"seq":'


def encode(told: dict[str, Any]) -> bytes:
    """Return the line of what :meth:`supctl.events.Event.as_dict` tells, or of a header."""
    text = json.dumps(told, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def line_of(event: Event) -> bytes:
    """Return the line of an event. Its number comes first; its time on the monotonic clock,
    which means nothing to another daemon, is left out."""
    told = event.as_dict()
    del told["at"]
    return encode({"seq": told.pop("seq"), "address": told.pop("address"), **told})


def header() -> bytes:
    """Return the line with which a file begins."""
    return encode({"journal": VERSION})


def decode(line: bytes) -> dict[str, Any] | None:
    """Return what a line without its end holds; ``None`` if it is damaged."""
    text = line[_CHECKSUM:]
    try:
        if int(line[:_CHECKSUM], 16) != zlib.crc32(text):
            return None
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def seq_of(line: bytes) -> int:
    """Return the number of the event in a line, without a look at the rest; 0 if it has none."""
    begin = _CHECKSUM + len(_SEQ)
    if not line.startswith(_SEQ, _CHECKSUM):
        return 0
    digits = line[begin : line.find(b",", begin)]
    return int(digits) if digits.isdigit() else 0


def marks_of(address: str) -> tuple[bytes, bytes]:
    """Return what is in the lines about ``address``, and in those about its supervisor in which
    it has the part of the ``child``; each line has one of them, and hardly any other has."""
    text = json.dumps(address).encode()
    return b'"address":%s,' % text, b'"child":%s,' % text
