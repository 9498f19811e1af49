"""Notices that a write does not return, while others wait for whoever makes it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

_TICK: Final = 0.02
"""Seconds; a write that takes one or two of them has its thread for itself from then on."""


class Watchdog:
    """Looks at what is written now, some times a second; asleep while nothing is.

    Args:
        current: returns a number that grows by one at the begin and at the end of every write:
            it is odd while one is under way.
        stuck: is told the number of one that was under way for a whole tick.
    """

    def __init__(self, current: Callable[[], int], stuck: Callable[[int], None]) -> None:
        self._current, self._stuck = current, stuck
        self._is_asleep = True
        self._is_closed = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supctl-watchdog", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look from now on. To be called when a write has begun; costs little if awake."""
        if self._is_asleep:
            self._is_asleep = False
            self._woken.set()

    def close(self) -> None:
        """Look no more."""
        self._is_closed = True
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closed:
            self._woken.wait()
            self._woken.clear()
            self._look()

    def _look(self) -> None:
        """Look until nothing is written for a tick."""
        nap = threading.Event()  # never set: its wait is a sleep
        before = -1
        while not self._is_closed:
            now = self._current()
            if now == before and now % 2:
                self._stuck(now)
            elif now == before:
                self._is_asleep = True
                if self._current() == now:  # else one has begun that could not see us asleep
                    return
                self._is_asleep = False
            before = now
            nap.wait(_TICK)
