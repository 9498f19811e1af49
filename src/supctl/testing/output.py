"""What the apps of a tree print: whose life a byte belongs to, and looking for patterns in it.

The bytes themselves are in the files of the log directory. In memory is only where each life's
output begins, so that an app may print gigabytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from supctl.logs.directory import LogDirectory

WINDOW: Final = 64 * 1024
"""Bytes before the newest that are looked at again: the longest match that is sure to be found
however it is cut into pieces."""

_BLOCK: Final = 256 * 1024
_TAIL: Final = 16 * 1024
_TAIL_LINES: Final = 30


class StreamOutput:
    """The output of one stream of one app over all its lives.

    :meth:`attached` is called in the trio thread, :meth:`heard` perhaps in another; both only
    add, so that either may look at what the other has done.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._pipe_of: dict[int, int] = {}  # by life
        self._begins = [0]  # of each pipe's output, and of what comes after the last

    def attached(self, life: int) -> None:
        """Note that a life's pipe will be heard after those that came before."""
        self._pipe_of[life] = len(self._pipe_of)

    def heard(self, data: bytes) -> None:
        """Note the next bytes; empty bytes end the present pipe."""
        if data:
            self.size += len(data)
        else:
            self._begins.append(self.size)

    def span(self, life: int) -> tuple[int, int, bool]:
        """Return where a life's output begins, where it ends by now, and whether that is all."""
        pipe = self._pipe_of.get(life)
        if pipe is None:  # it has said nothing and never will: a simulated program without output
            return self.size, self.size, True
        if pipe >= len(self._begins):  # an earlier life's last bytes are still on their way
            return self.size, self.size, False
        if pipe + 1 < len(self._begins):
            return self._begins[pipe], self._begins[pipe + 1], True
        return self._begins[pipe], self.size, False

    def read(self, begin: int, end: int) -> bytes:
        """Return those bytes, or what can be read of them (a full disk holds fewer)."""
        try:
            with open(self.path, "rb") as file:
                return os.pread(file.fileno(), end - begin, begin)
        except FileNotFoundError:
            return b""

    def last_lines(self) -> list[str]:
        """Return the last lines of all its lives, 30 at the most."""
        size = self.size
        tail = self.read(max(0, size - _TAIL), size).decode("utf-8", "backslashreplace")
        return tail.splitlines()[-_TAIL_LINES:]


class Search:
    """Looks for a pattern in one life's output of one stream, piece by piece as it comes.

    A match that reaches the end of what has come, in the midst of a line, may become longer
    with the next byte (a port number cut in two); it is :meth:`is_open`.
    """

    def __init__(self, stream: StreamOutput, pattern: re.Pattern[bytes], life: int) -> None:
        self._stream, self._pattern, self._life = stream, pattern, life
        self._seen: int | None = None
        self.match: re.Match[bytes] | None = None

    @property
    def has_more(self) -> bool:
        """Whether there are bytes that :meth:`advance` has not looked at."""
        begin, end, _ = self._stream.span(self._life)
        return end > (begin if self._seen is None else self._seen)

    @property
    def is_ended(self) -> bool:
        """Whether all bytes there will ever be have come."""
        return self._stream.span(self._life)[2]

    @property
    def is_open(self) -> bool:
        """Whether the match may become another one with the next byte."""
        match = self.match
        return (
            match is not None
            and not self.is_ended
            and match.end() == len(match.string)
            and not match.string.endswith(b"\n")
        )

    def advance(self) -> None:
        """Look at the next block of bytes; afterwards ``match`` is the first one, or ``None``."""
        begin, end, _ = self._stream.span(self._life)
        seen = begin if self._seen is None else self._seen
        end = min(end, seen + _BLOCK)
        # One byte more than may be matched, for what looks back: ^ and \b.
        from_ = max(begin, seen - WINDOW - 1)
        data = self._stream.read(from_, end)
        self.match = self._pattern.search(data, 0 if from_ == begin else 1)
        self._seen = end


class Outputs:
    """The output of all apps of a tree.

    Args:
        directory: where it is.
        wake: called, in the thread that hears, when there is something new.
    """

    def __init__(self, directory: LogDirectory, wake: Callable[[], None]) -> None:
        self._directory, self._wake = directory, wake
        self._streams: dict[str, dict[str, StreamOutput]] = {}

    def stream(self, address: str, name: str) -> StreamOutput:
        """Return the output of ``stdout`` or ``stderr``, known from now on. For any thread."""
        streams = self._streams.setdefault(address, {})
        file = self._directory.file_of(address, name)
        return streams.get(name) or streams.setdefault(name, StreamOutput(file))

    def begun(self, address: str, life: int) -> None:
        """Note that a life has begun, both of whose streams will be heard."""
        for name in ("stdout", "stderr"):
            self.stream(address, name).attached(life)

    def hear(self, address: str, name: str, data: bytes) -> None:
        """Note output: the tap of a capture."""
        self.stream(address, name).heard(data)
        self._wake()

    def streams(self, address: str) -> dict[str, StreamOutput]:
        """Return the streams of an app by name; empty if it never had any."""
        return self._streams.get(address, {})

    def is_ended(self, address: str, life: int) -> bool:
        """Return whether all that a life will ever print has come."""
        return all(stream.span(life)[2] for stream in self.streams(address).values())

    def last_lines(self, address: str) -> Iterator[str]:
        """Yield the last lines of an app, those of its standard error after the others."""
        for name in sorted(streams := self.streams(address), reverse=True):
            yield from streams[name].last_lines()
