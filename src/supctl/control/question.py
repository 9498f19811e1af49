"""What the daemon is asked, and whether the next daemon is asked it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from supctl.errors import ConnectionLost

_ONCE: Final = frozenset({"restart", "delete", "signal", "call", "upgrade"})
"""Methods that do, or answer, something other when they are called twice than when called once."""

_ATTEMPTS: Final = 10
"""Daemons that may be lost, one after the other, while one thing is asked."""


class Question:
    """Something that is asked, of one daemon after the other if they are lost.

    Args:
        method: of the control protocol.
        kwargs: plain values.
    """

    def __init__(self, method: str, kwargs: Mapping[str, Any]) -> None:
        self.method, self.kwargs = method, dict(kwargs)
        self._left = _ATTEMPTS

    def note(self, item: Any) -> None:
        """Note what has come of a stream: who follows events goes on behind it."""
        if self.method == "events":
            self.kwargs["since"] = item["seq"]

    def repeat(self, loss: ConnectionLost) -> None:
        """Return if it may be asked again of a daemon that has taken over.

        Raises:
            ConnectionLost: whether it was done is not known, and to do it twice may do harm; or
                it is about the moment, which is over; or ``loss``, as no daemon lives to answer.
        """
        if self.method in _ONCE or self.kwargs.get("relative"):
            told = f"another one has taken over; look whether {self.method} was done, and ask again"
            raise ConnectionLost("the daemon", told) from loss
        self._left -= self.method != "events"  # which may be followed for years
        if self.method == "lines" or not self._left:
            raise loss
