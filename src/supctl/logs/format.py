"""How output is written: as it is, with the time before every line, or as JSON.

A writer has one pipe's bytes, however they are cut, and gives back what is stored. But for the
times in it, that depends on the bytes alone.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any, Final, Protocol

import msgspec

from supctl.specs import Log
from supctl.specs.log import LogMode, LogTarget

LONGEST: Final = 256 * 1024
"""Bytes of the longest line where lines are told apart; a longer one is stored as several."""

LONGEST_MESSAGE: Final = 48 * 1024
"""The same for the system's logger and the journal, whose own limit it is."""

CONTINUED: Final = b"[continued] "
"""Before every part of such a line but the first."""

OURS: Final = frozenset({
    "time", "app", "instance", "stream", "pid", "text", "base64", "continued",
    "dropped_lines", "dropped_bytes",
})  # fmt: skip
"""Fields of our own in JSON. An app's own field of that name gets a ``_`` behind it."""


class Writer(Protocol):
    """Gives the bytes of one pipe the form in which they are stored."""

    has_lines: bool
    """Whether it tells lines apart."""

    stores_begun: bool
    """Whether it stores what has come of a line, rather than to wait for its end."""

    read_size: int
    """Bytes that should come at once: what is made of them is to fit the heap. What does not
    costs page faults, and with them four times as much."""

    def feed(self, data: bytes, at_wall: float) -> bytes:
        """Take the next bytes, which came at ``at_wall``; return what is to be stored now."""
        ...

    def end(self, at_wall: float) -> bytes:
        """Return what is to be stored at the end of the pipe."""
        ...

    def note(self, lines: int, size: int, at_wall: float) -> bytes:
        """Return a line that says that so many lines and bytes have been dropped."""
        ...


def writer_for(log: Log, address: str, stream: str, pid: int) -> Writer:
    """Return the writer for a pipe."""
    to_file = log.to in (LogTarget.FILE, LogTarget.STDOUT, LogTarget.STDERR)
    longest = LONGEST if to_file else LONGEST_MESSAGE
    match log.mode:
        case LogMode.JSON:
            return JsonLines(address, stream, pid, longest)
        case LogMode.TIMESTAMPED if log.is_shared:
            return WholeLines(longest, f"{address} {stream} ")
        case LogMode.TIMESTAMPED:
            return Timestamped(longest)
        case LogMode.RAW if log.is_shared:
            return WholeLines(longest)
        case _:
            return RAW


class Raw:
    """Byte for byte."""

    __slots__ = ()
    has_lines, stores_begun = False, True
    read_size = 64 * 1024

    def feed(self, data: bytes, at_wall: float) -> bytes:
        return data

    def end(self, at_wall: float) -> bytes:
        return b""

    def note(self, lines: int, size: int, at_wall: float) -> bytes:
        return _said(lines, size) + b"\n"


RAW: Final = Raw()
"""It remembers nothing, so that one is enough for all."""


class Timestamped:
    """The time before every line; what has come of a line is stored at once."""

    __slots__ = ("_length", "_longest", "_starts")
    has_lines, stores_begun = True, True
    read_size = 64 * 1024

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._starts = True  # the next byte begins a line
        self._length = 0  # of the line that is begun

    def feed(self, data: bytes, at_wall: float) -> bytes:
        prefix = stamp(at_wall) + b" "
        if len(data) <= self._longest:
            return self._feed(data, prefix)
        pieces = range(0, len(data), self._longest)
        return b"".join(self._feed(data[at : at + self._longest], prefix) for at in pieces)

    def _feed(self, data: bytes, prefix: bytes) -> bytes:
        if not data:
            return b""
        first = data.find(b"\n")
        room = self._longest - self._length
        if (len(data) if first < 0 else first) > room:
            begun = self._feed(data[:room], prefix)
            self._length = 0
            return begun + b"\n" + prefix + CONTINUED + self._feed(data[room:], prefix)
        head = prefix if self._starts else b""
        self._starts = data.endswith(b"\n")
        if first < 0:
            self._length += len(data)
            return head + data
        self._length = len(data) - data.rfind(b"\n") - 1
        if self._starts:
            return head + data[:-1].replace(b"\n", b"\n" + prefix) + b"\n"
        return head + data.replace(b"\n", b"\n" + prefix)

    def end(self, at_wall: float) -> bytes:
        ended, self._starts, self._length = self._starts, True, 0
        return b"" if ended else b"\n"

    def note(self, lines: int, size: int, at_wall: float) -> bytes:
        return self.end(at_wall) + stamp(at_wall) + b" " + _said(lines, size) + b"\n"


class _Assembler:
    """Keeps a line that is begun until it is whole, or too long."""

    __slots__ = ("_continued", "_longest", "_rest")

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._continued = False

    def take(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield whole lines, many at once, and whether the first of them continues another."""
        start = 0
        while start < len(data):
            room = self._longest - len(self._rest)
            first = data.find(b"\n", start)
            if (len(data) if first < 0 else first) - start > room:
                yield bytes(self._rest) + data[start : start + room] + b"\n", self._continued
                self._rest.clear()
                self._continued = True
                start += room
                continue
            if first < 0:
                self._rest += data[start:]
                return
            last = data.rfind(b"\n", start, max(first + 1, start + self._longest))
            block = data[start : last + 1]
            yield (bytes(self._rest) + block if self._rest else block), self._continued
            self._rest.clear()
            self._continued = False
            start = last + 1

    def end(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the last line, if it had no end."""
        if self._rest or self._continued:
            yield bytes(self._rest) + b"\n", self._continued
            self._rest.clear()
            self._continued = False


class WholeLines:
    """Whole lines only, so that others can write to the same place.

    Args:
        label: what is written before each, behind the time; without one, neither is.
    """

    __slots__ = ("_label", "_lines")
    has_lines, stores_begun = True, False
    read_size = 64 * 1024

    def __init__(self, longest: int = LONGEST, label: str | None = None) -> None:
        self._lines = _Assembler(longest)
        self._label = None if label is None else label.encode()

    def feed(self, data: bytes, at_wall: float) -> bytes:
        return b"".join(self._form(*block, at_wall) for block in self._lines.take(data))

    def end(self, at_wall: float) -> bytes:
        return b"".join(self._form(*block, at_wall) for block in self._lines.end())

    def note(self, lines: int, size: int, at_wall: float) -> bytes:
        return self.end(at_wall) + self._form(_said(lines, size) + b"\n", False, at_wall)

    def _form(self, block: bytes, is_continued: bool, at_wall: float) -> bytes:
        mark = CONTINUED if is_continued else b""
        if self._label is None:
            return mark + block
        prefix = stamp(at_wall) + b" " + self._label
        return prefix + mark + block[:-1].replace(b"\n", b"\n" + prefix) + b"\n"


class JsonLines:
    """One JSON object a line; an app's own objects are merged with what we know of the line.

    Text that is no UTF-8 is there twice: with escapes as ``text``, and exactly as ``base64``.
    """

    __slots__ = ("_known", "_lines")
    has_lines, stores_begun = True, False
    read_size = 64 * 1024

    def __init__(self, address: str, stream: str, pid: int, longest: int = LONGEST) -> None:
        self._lines = _Assembler(longest)
        app, _, instance = address.partition(":")
        known: dict[str, Any] = {"app": app}
        if instance:
            known["instance"] = int(instance)
        known |= {"stream": stream, "pid": pid}
        self._known = json.dumps(known, separators=(",", ":"))[1:-1].encode()

    def feed(self, data: bytes, at_wall: float) -> bytes:
        return b"".join(self._form(*block, at_wall) for block in self._lines.take(data))

    def end(self, at_wall: float) -> bytes:
        return b"".join(self._form(*block, at_wall) for block in self._lines.end())

    def note(self, lines: int, size: int, at_wall: float) -> bytes:
        said = b'"dropped_lines":%d,"dropped_bytes":%d}\n' % (lines, size)
        return self.end(at_wall) + self._head(at_wall) + said

    def _head(self, at_wall: float) -> bytes:
        return b'{"time":"' + stamp(at_wall) + b'",' + self._known + b","

    def _form(self, block: bytes, is_continued: bool, at_wall: float) -> bytes:
        head = self._head(at_wall)
        if not is_continued and not _has_objects(block) and _is_text(block):
            # All lines at once: twenty times as fast as one by one.
            begin = head + b'"text":"'
            text = _escaped(_without_returns(block[:-1]))
            return begin + text.replace(b"\n", b'"}\n' + begin) + b'"}\n'
        lines = block[:-1].split(b"\n")
        return b"".join(
            _one(line.removesuffix(b"\r"), head, is_continued and number == 0)
            for number, line in enumerate(lines)
        )


def _has_objects(block: bytes) -> bool:
    return block.startswith(b"{") or b"\n{" in block


def _is_text(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


_BACKSLASH: Final = 92
_SPECIAL: Final = bytes({*range(32), 34, _BACKSLASH} - {10})
"""Bytes that JSON wants escaped; line ends are none of a text."""
_COMMON: Final = bytes(set(range(256)) - set(_SPECIAL))


def _without_returns(block: bytes) -> bytes:
    """Return lines without what is before some of their ends on other systems."""
    return block.replace(b"\r\n", b"\n").removesuffix(b"\r") if b"\r" in block else block


def _escaped(block: bytes) -> bytes:
    """Return lines as JSON's text has them, without its quotes."""
    specials = set(block.translate(None, _COMMON))
    for special in sorted(specials, key=_BACKSLASH.__ne__):  # first what the others bring
        block = block.replace(bytes([special]), json.dumps(chr(special))[1:-1].encode())
    return block


_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def _one(line: bytes, head: bytes, is_continued: bool) -> bytes:
    """Return the object for one line."""
    if line.startswith(b"{") and not is_continued and (merged := _merged(line, head)):
        return merged
    told: dict[str, Any] = {"text": line.decode("utf-8", "backslashreplace")}
    if not _is_text(line):
        told["base64"] = base64.b64encode(line).decode()
    if is_continued:
        told["continued"] = True
    return head + json.dumps(told, separators=(",", ":"), ensure_ascii=False)[1:].encode() + b"\n"


def _merged(line: bytes, head: bytes) -> bytes:
    """Return an app's own object with our fields before its own; empty if it is none."""
    try:
        found = _decode(line)
    except (ValueError, RecursionError):  # the former also for what is no UTF-8
        return b""
    if not found:
        return head[:-1] + b"}\n"
    if found.keys().isdisjoint(OURS):
        return head + line[1:] + b"\n"  # as the app has written it, to the last digit
    renamed = {f"{key}_" if key in OURS else key: value for key, value in found.items()}
    return head + msgspec.json.encode(renamed)[1:] + b"\n"


def _said(lines: int, size: int) -> bytes:
    counted = "1 line" if lines == 1 else f"{lines} lines"
    return f"[supctl: {counted}, {size} bytes dropped: the log was too slow]".encode()


def stamp(at_wall: float) -> bytes:
    """Return a time as ``2026-11-21T16:00:00.000000Z``."""
    micros = int(at_wall * 1e6)
    return b"%s.%06dZ" % (_second(micros // 1_000_000), micros % 1_000_000)


_latest_second: tuple[int, bytes] = (0, b"1970-01-01T00:00:00")


def _second(second: int) -> bytes:
    global _latest_second
    known, text = _latest_second  # replaced as a whole: several threads look at it
    if known != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        _latest_second = second, text
    return text
