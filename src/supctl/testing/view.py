"""A view of one app of a running tree: what is to be seen of it from outside."""

from __future__ import annotations

import time
from typing import Final

from supctl.errors import InvalidState, ProcessNotFound
from supctl.exits import ExitReason
from supctl.supervision.handle import Handle

from .stage import Stage

_LAST_WORDS: Final = 0.2
"""Seconds between the end of a program and the last bytes of its pipe, at the most."""


class AppView:
    """What is to be seen of one app. It can be asked for in every state of the tree, and after it.

    Args:
        stage: the tree it is part of.
        handle: of the app.
    """

    def __init__(self, stage: Stage, handle: Handle) -> None:
        self.handle = handle
        self._stage, self._record = stage, stage.record

    @property
    def address(self) -> str:
        """Its address, such as ``/web/api:2``."""
        return self.handle.address

    @property
    def pid(self) -> int:
        """The pid of its main process; 0 if it has none now."""
        try:
            return self.handle.pid
        except (InvalidState, ProcessNotFound):
            return 0

    @property
    def state(self) -> str:
        """Its state; that of its supervisor if that does not run."""
        try:
            return self.handle.state
        except InvalidState as error:
            return error.state
        except ProcessNotFound:
            return "exited"

    @property
    def reason(self) -> ExitReason | None:
        """Why it ended last; ``None`` if it never did."""
        try:
            return self.handle.reason
        except (InvalidState, ProcessNotFound):  # a temporary child that ended is forgotten
            return None

    @property
    def restarts(self) -> int:
        """How many times it has been started again, by whomever."""
        return max(0, self._record.lives[self.address] - 1)

    @property
    def output(self) -> str:
        """The last lines it has printed, 30 of each stream at the most."""
        return "\n".join(self._stage.outputs.last_lines(self.address))

    def headline(self) -> str:
        """Return state, restarts and last end, for people."""
        ended = f"; it ended last: {self.reason}" if self.reason else ""
        return f"state: {self.state}, restarts: {self.restarts}{ended}"

    def story(self, headline: str = "") -> str:
        """Return the headline, or the one that is given, and the last lines, for people."""
        lines = list(self._stage.outputs.last_lines(self.address))
        told = [f"    | {line}" for line in lines] if lines else ["    (it has printed nothing)"]
        return "\n".join([f"  {headline or self.headline()}", "  last output:", *told])

    def wait_last_words(self) -> None:
        """Block until all output of a life that is over has come, a moment at the most.

        Not for the trio thread: it is for who tells the story while the loop runs elsewhere.
        """
        life = self._record.lives[self.address]
        give_up_at = time.monotonic() + _LAST_WORDS
        while (
            self._record.is_over(self.address, life)
            and not self._stage.outputs.is_ended(self.address, life)
            and time.monotonic() < give_up_at
        ):
            time.sleep(0.001)
