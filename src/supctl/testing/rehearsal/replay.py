"""Running the same thing again, task switch by task switch."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import trio
from trio._core import _run as scheduler

from supctl.errors import PlatformNotSupported

T = TypeVar("T")

_SWITCH: Final = "_ALLOW_DETERMINISTIC_SCHEDULING"
_DICE: Final = "_r"


class LeapingClock(trio.abc.Clock):
    """A clock that stands still while anybody can run, and then leaps to the next deadline.

    As ``MockClock(autojump_threshold=0)``, which also waits for the outside, and asks the real
    clock what time it is: a third of a rehearsal's time.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def start_clock(self) -> None:
        """Nothing runs by itself."""

    def current_time(self) -> float:
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        # Trio asks when no task can run, and only then: this is the moment to leap.
        if deadline == math.inf:
            return math.inf
        self._now = max(self._now, deadline)
        return 0.0


def run_replayable(main: Callable[[], Awaitable[T]], seed: int) -> T:
    """Run ``main`` in trio under a clock that jumps over all waiting; return what it returns.

    Tasks that can run in one instant do so in an order that is drawn from ``seed``: the same
    seed gives the same order, another seed perhaps another. ``main`` must not talk to the
    outside. Not while another thread of this process runs trio.

    Raises:
        PlatformNotSupported: this version of trio cannot be told in which order to run tasks.
    """
    with _drawn_from(seed):
        return trio.run(main, clock=LeapingClock())


@contextmanager
def _drawn_from(seed: int) -> Iterator[None]:
    """Have trio draw the order of its tasks from ``seed``, inside the block.

    Trio offers no public way. It throws a coin for each batch of tasks, so that nobody relies
    on an order, and breaks ties between deadlines by memory addresses; apps, supervisors and
    timers are all tasks of their own, so no care in the backend alone can put what they do in
    one instant into an order. Sorting the batch, and dice with a seed, is what trio itself
    switches on for tests under hypothesis; we use that switch (trio/_core/_run.py). That the
    switch works is what tests/testing/test_rehearsal_replay.py sees.
    """
    module: dict[str, Any] = vars(scheduler)
    if not {_SWITCH, _DICE} <= module.keys():
        detail = f"trio {trio.__version__} does not let tasks run in a known order"
        raise PlatformNotSupported("a rehearsal", detail)
    dice = module[_DICE]
    before, state = module[_SWITCH], dice.getstate()
    module[_SWITCH] = True
    dice.seed(seed)
    try:
        yield
    finally:
        module[_SWITCH] = before
        dice.setstate(state)
