"""One log, over all of its files: what it holds, and then what is added to it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final, NamedTuple

from supctl.logs.rotated import Rotated

from .chunks import BLOCK, Cutter, lines_back, lines_of
from .dates import NO_DATES, Dated, Dates, undated
from .entry import Entry
from .files import (
    lines_of_rotated,
    look_for,
    open_plain,
    open_to_read,
    reader,
    stamp_of_open,
)
from .forms import form_of
from .place import Place
from .seeking import place_since
from .window import Window

_PRESENT: Final = "Z"
"""Later than every stamp."""

_AT_ONCE: Final = 4096
"""Lines that are taken from a compressed file at once."""


class _Span(NamedTuple):
    """A file, and when its lines came; ``begun`` is ``None`` if that is not known."""

    begun: float | None
    ended: float
    rotated: Rotated | None
    end: int = 0


class Trail:
    """Reads one log in order, each line once, however often it is rotated meanwhile.

    First :meth:`history`, if that is wanted; then :meth:`more`, again and again, what has come
    since. It holds the file that it reads, so that this may be renamed, compressed and deleted.

    All its methods block as reading a file does, and raise OSError as that does; also Unsupported
    for a file that is compressed with zstd where that is not to be had.

    Args:
        place: of the log. Nothing need be there.
        window: which entries are wanted.
    """

    def __init__(self, place: Place, window: Window) -> None:
        self.place, self._window = place, window
        self._form, self._is_raw = form_of(place), place.mode == "raw"
        self.fd = -1
        """The file that is read now, -1 if there is none."""
        self.turn = 0
        """How often that has become another."""
        self._at = 0
        self._cutter = Cutter()
        self._ended: list[bytes] = []  # lines without an end, of files that are read
        self._passed = ""  # stamp of the latest rotated file that is read, or not wanted
        self._ahead: deque[Rotated] = deque()
        self._packed: Iterator[bytes] | None = None
        self._next_fd = -1
        self._is_left = self._is_awaited = False
        self._order = 0.0

    def close(self) -> None:
        """Let go of the files."""
        for fd in (self.fd, self._next_fd):
            if fd >= 0:
                os.close(fd)
        self.fd = self._next_fd = -1

    # What there is.

    def history(self, count: int | None, *, goes_on: bool = False) -> Iterator[Entry]:
        """Return the last wanted entries, the oldest first; all of them if ``count`` is ``None``.

        In memory are no more than ``count`` of them, or one block.

        Args:
            goes_on: whether :meth:`more` goes on behind them; a line that has not ended is then
                left to that.
        """
        self.fd = open_to_read(self.place.path)
        end = os.fstat(self.fd).st_size if self.fd >= 0 else 0
        if goes_on and end and not (last := next(lines_back(self.fd, end))).endswith(b"\n"):
            end -= len(last)
        self._at, self._is_awaited = end, goes_on
        spans = self._spans(end)
        if count is None:
            return self._forwards(spans)
        found: list[Entry] = []
        for entry in self._backwards(spans, count):
            if len(found) == count:
                break
            found.append(entry)
        return iter(found[::-1])

    def _spans(self, end: int) -> list[_Span]:
        """Return what may hold wanted lines, the oldest first; of the present file what is before
        ``end``."""
        found = look_for(self.place.path)
        held = stamp_of_open(self.fd, self.place.path) or _PRESENT  # it may be one of those by now
        spans: list[_Span] = []
        begun: float | None = None
        for rotated in found:
            if rotated.stamp < held:
                spans.append(_Span(begun, rotated.rotated_at_wall, rotated))
                begun, self._passed = rotated.rotated_at_wall, rotated.stamp
        if end:
            spans.append(_Span(begun, os.fstat(self.fd).st_mtime, None, end))
        return [it for it in spans if self._window.may_hold(it.begun, it.ended)]

    def _forwards(self, spans: list[_Span]) -> Iterator[Entry]:
        for span in spans:
            self._order = span.ended if self._is_raw else span.begun or 0.0
            dates = self._dates(span)
            with self._plain(span) as (fd, end):
                if fd >= 0:
                    start = self._start(fd, end, dates)
                    lines = dates.forwards(lines_of(reader(fd, end, start)), start)
                else:
                    lines = dates.forwards(lines_of_rotated(span.rotated))
                yield from self._wanted(lines)

    def _backwards(self, spans: list[_Span], count: int) -> Iterator[Entry]:
        for span in reversed(spans if count else []):
            self._order = span.ended
            dates = self._dates(span)
            with self._plain(span) as (fd, end):
                if fd >= 0:
                    start = self._start(fd, end, dates)
                    yield from self._wanted(dates.backwards(lines_back(fd, end, start), end))
                else:
                    lines = dates.forwards(lines_of_rotated(span.rotated))
                    yield from reversed(deque(self._wanted(lines), count))

    @contextmanager
    def _plain(self, span: _Span) -> Iterator[tuple[int, int]]:
        """Give a descriptor and the end of what is to be read; -1 if it is compressed."""
        if span.rotated is None:
            yield self.fd, span.end
            return
        fd = open_plain(span.rotated)
        try:
            yield fd, os.fstat(fd).st_size if fd >= 0 else 0
        finally:
            if fd >= 0:
                os.close(fd)

    def _start(self, fd: int, end: int, dates: Dates) -> int:
        """Return the begin of a line before which nothing is wanted."""
        if self._window.since is None:
            return 0

        def time_of(place: int, line: bytes) -> float | None:
            return self._form(line, dates.at(place), 0.0).at_wall

        return place_since(fd, end, self._window.since, time_of)

    def _dates(self, span: _Span) -> Dates:
        if not self._is_raw:
            return NO_DATES
        if span.rotated is None:
            return Dates(self.place.path, (span.end, span.ended))
        return Dates(span.rotated.path)

    def _wanted(self, lines: Iterable[Dated]) -> Iterator[Entry]:
        wants = self._window.wants
        for line, at in lines:
            entry = self._form(line, at, self._order)
            self._order = entry.order
            if wants(entry):
                yield entry

    # What comes.

    def more(self) -> list[Entry] | None:
        """Return the wanted entries of a block that was added; ``None`` if nothing was."""
        while True:
            if self._ended:
                lines, self._ended = self._ended, []
                return [*self._wanted(undated(lines))]
            if lines := self._read():
                self._order = now = time.time()
                at, self._is_awaited = now if self._is_awaited else None, False
                return [*self._wanted(undated(lines, at))]
            if not self._go_on():
                self._is_awaited = True
                return None

    def last(self) -> list[Entry]:
        """Return the line that has not ended, if there is one, as nobody waits for its end."""
        return [*self._wanted(undated(self._cutter.end()))]

    def _read(self) -> list[bytes]:
        """Return the next lines; none at the end of the file."""
        if self._packed is not None:
            return [*islice(self._packed, _AT_ONCE)]
        while self.fd >= 0 and (data := self._next_block()):
            if lines := self._cutter.feed(data):
                return lines
        return []

    def _next_block(self) -> bytes:
        data = os.pread(self.fd, BLOCK, self._at)
        if not data and os.fstat(self.fd).st_size < self._at:  # somebody has emptied it
            self._at, self._cutter = 0, Cutter()
            data = os.pread(self.fd, BLOCK, 0)
        self._at += len(data)
        return data

    def _go_on(self) -> bool:
        """Go on to what comes after the file that is read; return whether there may be something.

        The present file is left when another is seen in its place, and it was read once more: it
        was complete by then.
        """
        if self._ahead:
            self._begin(self._ahead.popleft())
        elif self._next_fd >= 0:
            fd, self._next_fd = self._next_fd, -1
            self._hold(fd)
        elif self.fd >= 0 and not self._is_left:
            self._is_left = _is_another(self.place.path, self.fd)
            return self._is_left
        else:
            self._look_ahead()
            return bool(self._ahead) or self._next_fd >= 0
        return True

    def _look_ahead(self) -> None:
        """Find what has come between the file that is read and the present one."""
        path = self.place.path
        self._passed = max(self._passed, stamp_of_open(self.fd, path))
        self._next_fd = open_to_read(path)
        found = look_for(path)
        present = stamp_of_open(self._next_fd, path) or _PRESENT  # it may be one of those by now
        self._ahead.extend(it for it in found if self._passed < it.stamp < present)

    def _begin(self, rotated: Rotated) -> None:
        self._passed = rotated.stamp
        if (fd := open_plain(rotated)) >= 0:
            self._hold(fd)
        else:
            self._hold(-1)
            self._packed = lines_of_rotated(rotated)

    def _hold(self, fd: int) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self._ended += self._cutter.end()
        self.fd, self._at, self._is_left, self._packed = fd, 0, False, None
        self.turn += 1


def _is_another(path: str, fd: int) -> bool:
    """Return whether another file than the open one is at ``path``."""
    try:
        now = os.stat(path)
    except FileNotFoundError:
        return False
    return not os.path.samestat(now, os.fstat(fd))
