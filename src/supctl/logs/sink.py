"""What output is written to: a file, a pipe, a socket."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Poured(NamedTuple):
    """What has been moved unseen: how many bytes, and the last of them."""

    size: int
    last: bytes


class Sink(Protocol):
    """Where bytes go in the end. Its methods may block, for ever if the disk is stuck.

    It is used by one thread at a time.
    """

    rotations: int
    """How many files have been rotated."""

    is_exact: bool
    """Whether :meth:`move` may move something."""

    def write(self, data: bytes, start: int) -> int:
        """Store bytes of ``data`` from ``start`` on; return how many, 1 at the least.

        Raises:
            BlockingIOError: :meth:`wait_fd` tells when it takes some again.
            OSError: it takes none now.
        """
        ...

    def move(self, pipe: int, data: bytes, start: int) -> int:
        """Move bytes of ``data`` from ``start`` on, which come next in ``pipe``; return how many.

        0: they can only be written. Nobody can stop us when they are in both places, or none.

        Raises:
            OSError: it takes none now.
        """
        ...

    def pour(self, pipe: int, most: int) -> Poured | None:
        """Move all that is in ``pipe``, without a look at it first, and show ``most`` bytes of it.

        ``None``: it has to be looked at, as there may be a rotation within it, or as it has ended.

        Raises:
            OSError: it takes none now.
        """
        ...

    def wait_fd(self) -> int:
        """Return a descriptor that can be written to when the sink takes bytes again; -1: none."""
        ...

    def rotate(self) -> None:
        """Rotate the file, if it is one that can be, at the end of the line that is begun."""
        ...

    def close(self) -> None:
        """Let go of the file; more bytes open it again."""
        ...
