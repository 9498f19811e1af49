"""What is written at once, and the bytes of a pipe that it stands for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Piece:
    """Bytes on their way from a pipe to where they are kept.

    Args:
        data: what is to be stored.
        shown: what the program has written of it, or the end of that; ``None``: nothing, not
            even an end.
        size: bytes that the program has written of it.
        covers: bytes at the begin of the pipe that are to be taken from it when ``data`` is
            stored: whoever kills us before that finds them there.
        pipe: where ``data`` is as well, to be moved from there to a file; -1: nowhere.
        start: how much of ``data`` is stored by now.
        is_done: whether nobody has it in hand any more, and what it covers can be taken.
    """

    data: bytes
    shown: bytes | None = None
    size: int = 0
    covers: int = 0
    pipe: int = -1
    start: int = 0
    is_done: bool = False

    @property
    def is_given_back(self) -> bool:
        """Whether what is not stored of it comes again."""
        return self.is_done and self.pipe >= 0 and self.left > 0

    @property
    def is_poured(self) -> bool:
        """Whether it was moved without a look at it."""
        return self.pipe >= 0 and not self.data

    @property
    def weight(self) -> int:
        """What it counts among bytes that wait: something, even if it is empty."""
        return len(self.data) or 1

    @property
    def left(self) -> int:
        """Bytes that are not stored yet."""
        return len(self.data) - self.start

    def give_back(self) -> None:
        """Forget what is not stored yet: it is in its pipe, and comes again."""
        self.covers = 0
        self.is_done = True
