"""One order for all that happens in simulated time."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable

import trio


class Timeline:
    """Lets things happen at instants of trio's clock.

    What happens in one instant happens in order of rank, then of asking, so that a rehearsal can
    be replayed. That is why it is one task that does it all: trio shuffles tasks.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = trio.Event()
        # Being cancelled from outside does not stop it: there may be ends still to come.
        self._scope = trio.CancelScope(shield=True)

    def after(self, seconds: float, rank: int, do: Callable[[], None]) -> None:
        """Call ``do`` in ``seconds``, be it 0, from :meth:`run` and never from within this call."""
        at = trio.current_time() + seconds
        item = (at, rank, next(self._numbers), do)
        heapq.heappush(self._due, item)
        if self._due[0] is item:  # what comes later is no reason to wake up now
            self._changed.set()

    async def run(self) -> None:
        """Let happen what is due, until :meth:`stop`."""
        with self._scope:
            while True:
                self._changed = trio.Event()
                while self._due and self._due[0][0] <= trio.current_time():
                    heapq.heappop(self._due)[-1]()
                with trio.move_on_at(self._due[0][0] if self._due else math.inf):
                    await self._changed.wait()

    def stop(self) -> None:
        """Let nothing happen any more."""
        self._scope.cancel()
