"""One pipe of a program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from supctl.specs.log import WhenFull

from .format import Writer
from .gap import Gap
from .outlet import Outlet
from .peek import Peeker, sure_room_of
from .piece import Piece
from .seek import Seeker
from .stream import Stream

LAST_WORDS: Final = 4096
"""Bytes at the end of a life's output that are kept for who asks."""

LastWords: TypeAlias = Callable[[bytes], None]

_HELD: Final = 4 * 2**20
"""Bytes more than may wait, that earlier lives may have left behind. What is beyond is dropped:
an app that crashes again and again while its log is stuck must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """Where the bytes of a pipe go from its next line on.

    Args:
        outlet, writer: the new ones.
        in_order: whether all that the outlet before has in hand has to be stored first: both
            write to the same place.
    """

    outlet: Outlet
    writer: Writer
    in_order: bool


class Source:
    """One pipe: the output of one life.

    Where lines are told apart a line stays in the pipe until it is whole, or so long that the
    pipe may be full: whoever reads the pipe when we have been killed begins with a line.

    Args:
        fd: its read end.
        writer: gives its bytes the form in which they are stored.
        on_end: is told its last words.
        seeker: looks for a line in it.

    Attributes:
        in_hand: what is being stored and still in the pipe.
        has_hung_up: whether nobody can write to it any more.
        turnover: where its bytes go from the next line on, if that is elsewhere.
    """

    __slots__ = (
        *("_ends_line", "_gap", "_longest", "_seen", "_stored", "_words", "can_peek", "fd"),
        *("has_hung_up", "in_hand", "is_large", "on_end", "outlet", "seeker", "stream", "turnover"),
        *("writer",),
    )

    def __init__(
        self,
        stream: Stream,
        fd: int,
        writer: Writer,
        on_end: LastWords | None,
        seeker: Seeker | None,
    ) -> None:
        self.stream, self.outlet, self.fd = stream, stream.outlet, fd
        self.writer, self.on_end, self.seeker = writer, on_end, seeker
        self.is_large = self.has_hung_up = self.can_peek = False
        self.in_hand: Piece | None = None
        self.turnover: Turnover | None = None
        # Bytes at the begin of the pipe of which more is known:
        self._stored = 0  # that are stored, of a line that is begun
        self._seen = 0  # that have been shown, and are not stored
        self._longest = 0
        self._words: bytearray | None = None
        self._gap: Gap | None = None
        self._ends_line = True

    @property
    def has_seen(self) -> bool:
        """Whether something that is in the pipe has been shown, and must not be again."""
        return self._seen > 0

    @property
    def is_being_moved(self) -> bool:
        """Whether another thread may hold the pipe, for as long as a disk is stuck."""
        piece = self.in_hand
        return piece is not None and piece.pipe >= 0 and not piece.is_done

    @property
    def is_edge(self) -> bool:
        """Whether something may stay in the pipe that is to be looked at only when more comes."""
        return self.can_peek and self.writer.has_lines

    @property
    def is_between_lines(self) -> bool:
        """Whether nothing is stored of the line that comes next."""
        return self._ends_line or self._gap is not None

    def turn_over(self, peeker: Peeker) -> None:
        """Go where :attr:`turnover` says; nothing of it is in hand, and it is between lines."""
        assert self.turnover is not None
        self.outlet, self.writer = self.turnover.outlet, self.turnover.writer
        self.turnover, self._ends_line = None, True
        self.look(peeker)

    def look(self, peeker: Peeker) -> None:
        """See what kind of a pipe it is."""
        self.can_peek = self.stream.log.has_output and peeker.can_peek(self.fd)
        self._longest = min(self.writer.read_size, sure_room_of(self.fd))

    def piece_in(self, data: bytes, now: float, *, is_all: bool) -> Piece | None:
        """Return what is to be stored of ``data``, which is at the begin of the pipe and stays.

        ``None``: nothing yet. ``is_all``: also of a line that has no end.
        """
        size = len(data) if is_all or not self.writer.has_lines else self._whole(data)
        if size:
            return self._piece(data[:size], size, now)
        if self.writer.stores_begun and len(data) > self._stored:
            piece = self._piece(data, 0, now)
            self._stored = len(data)
            return piece
        return None

    def piece_of(self, data: bytes, now: float) -> Piece:
        """Return what is to be stored of ``data``, which has been taken from the pipe."""
        return self._piece(data, 0, now)

    def glance(self, data: bytes) -> Piece:
        """Return what is to be shown of ``data``, which is at the begin of the pipe and stays."""
        begin = 0 if self.in_hand is None else self.in_hand.covers
        known = begin + self._stored + self._seen
        new = data[known:]
        if new:
            self._seen += len(new)
            self._see(new)
        if self.has_hung_up:
            self._tell_end()
        return Piece(b"", new or None, len(new))

    def take_back(self, piece: Piece) -> None:
        """Note that what is left of ``piece`` is still in the pipe, and is to come again."""
        self._seen += piece.left

    def _whole(self, data: bytes) -> int:
        whole = data.rfind(b"\n") + 1
        if not whole and (self.has_hung_up or len(data) >= self._longest):
            return len(data)
        return whole

    def _piece(self, data: bytes, covers: int, now: float) -> Piece:
        """Make a piece of ``data``, which came at ``now``, seconds since 1970."""
        new = data[self._stored :]
        shown = new[self._seen :] or None
        self._seen = max(0, self._seen - len(new))
        self._stored = 0
        if shown:
            self._see(shown)
        stored = self._form(new, now) if new else b""
        can_move = covers > 0 and stored is data and self.outlet.sink.is_exact
        return Piece(stored, shown, len(shown or b""), covers, self.fd if can_move else -1)

    def _see(self, data: bytes) -> None:
        """Look for what is sought, and keep the last words."""
        if self.seeker is not None and self.seeker.feed(data):
            self.seeker = None
        if self.on_end is not None:
            self._keep(data)

    def _form(self, data: bytes, now: float) -> bytes:
        if self.outlet.is_slow or self._gap is not None:
            return self._form_slowly(data, now)
        self._ends_line = data[-1] == 10
        return self.writer.feed(data, now)

    def note_poured(self, last: bytes) -> None:
        """Note that bytes have been moved, the last of which are ``last``."""
        self._see(last)
        self._ends_line = last.endswith(b"\n")

    def end(self, now: float) -> bytes:
        """Tell who waits for the end; return what is to be stored at last."""
        self._tell_end()
        return self._close_gap(now) + self.writer.end(now)

    def _tell_end(self) -> None:
        if self.seeker is not None:
            self.seeker.feed(b"")
        if self.on_end is not None:
            self.on_end(bytes(self._words or b""))
        self.seeker = self.on_end = None

    def _keep(self, data: bytes) -> None:
        if self._words is None:
            self._words = bytearray()
        self._words += data[-LAST_WORDS:]
        del self._words[:-LAST_WORDS]

    def _form_slowly(self, data: bytes, now: float) -> bytes:
        if self._must_drop():
            return self._drop(data, now)
        told = b""
        if self._gap is not None:
            data = self._gap.rest(data)
            told = self._close_gap(now) if data else b""
        if data:
            self._ends_line = data[-1] == 10
            told += self.writer.feed(data, now)
        return told

    def _must_drop(self) -> bool:
        outlet = self.outlet
        if self.stream.log.when_full is WhenFull.DROP:
            return outlet.is_full
        return outlet.waiting > outlet.capacity + _HELD

    def _drop(self, data: bytes, now: float) -> bytes:
        """Drop ``data``, but for the end of a line whose begin is stored."""
        kept = 0
        if self._gap is None:
            self._gap = Gap(self.stream.meter)
            if not self._ends_line:
                kept = data.find(b"\n") + 1
        self._ends_line = self._ends_line or kept > 0
        self._gap.drop(data[kept:])
        return self.writer.feed(data[:kept], now) if kept else b""

    def _close_gap(self, now: float) -> bytes:
        if self._gap is None or not self._gap.size:
            self._gap = None
            return b""
        gap, self._gap = self._gap, None
        note = self.writer.note(gap.lines, gap.size, now)
        return note if self._ends_line else b"\n" + note
