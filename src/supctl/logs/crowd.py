"""Many apps that write little each: what comes within a moment is taken at once."""

from __future__ import annotations

from typing import Final

_LOOKED_AT: Final = 256
"""Reads after which it is looked how long they have taken."""

_SOON: Final = 0.125
"""Seconds; so many reads in less than that are those of a crowd."""

_FEW: Final = 5
"""Reads after one nap that are no crowd any more."""

_LARGE: Final = 8 * 1024
"""Bytes of a read that shows that an app writes much: it must not wait for others."""

NAP: Final = 0.025
"""Seconds that lines of a crowd are later in their files, at the most."""


class Crowd:
    """Tells when it is worth to wait a moment for more, rather than wake up for every line."""

    __slots__ = ("_count", "_is_there", "_since")

    def __init__(self) -> None:
        self._count = 0
        self._since = 0.0
        self._is_there = False

    def came(self, size: int) -> None:
        """Note a read of so many bytes."""
        self._count += 1
        if size >= _LARGE:
            self._count, self._is_there = 0, False

    def nap(self, now: float) -> float:
        """Return seconds to wait before the next look at the pipes.

        Args:
            now: on the monotonic clock.
        """
        if self._is_there:
            self._is_there = self._count >= _FEW
            self._count = 0
        elif self._count >= _LOOKED_AT:
            self._is_there = now - self._since < _SOON
            self._count, self._since = 0, now
        return NAP if self._is_there else 0.0
