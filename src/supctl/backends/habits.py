"""Programs that live by chance: every start draws a :class:`~.scripts.Program`."""

from __future__ import annotations

import errno
import signal as signals
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from supctl.errors import InvalidConfig

from .chance import Distribution, Fixed
from .scripts import Child, Program

AT_ONCE: Final = Fixed(0.0)


@dataclass(frozen=True, slots=True)
class End:
    """One way in which a program ends by itself.

    Args:
        code, signal, out_of_memory: as in :class:`~.scripts.Program`.
        weight: how likely it is, against the others' weights.

    Raises:
        InvalidConfig: the weight is not more than 0.
    """

    code: int = 0
    signal: int | None = None
    out_of_memory: bool = False
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise InvalidConfig("weight", self.weight, "more than 0")


CRASHES: Final = (
    End(code=1, weight=6),
    End(signal=signals.SIGSEGV, weight=2),
    End(signal=signals.SIGABRT),
    End(out_of_memory=True),
)
"""How programs crash: mostly by an exception that nobody caught."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a program usually does, as distributions.

    Args:
        lifetime: from a start to the end by itself; ``None``: for ever.
        ends: how it ends then.
        start_delay: what the spawn takes.
        stop_delay: from a signal that ends it to its end.
        deaf: share of lives, 0 to 1, that ignore every signal that can be ignored.
        fails_to_start: share of starts that fail.
        failure: error number and stage of those, as in :class:`supctl.errors.SpawnFailed`.
        output, children: as in :class:`~.scripts.Program`.

    Raises:
        InvalidConfig: naming the field that is out of range.
    """

    lifetime: Distribution | None = None
    ends: tuple[End, ...] = (End(),)
    start_delay: Distribution = AT_ONCE
    stop_delay: Distribution = AT_ONCE
    deaf: float = 0.0
    fails_to_start: float = 0.0
    failure: tuple[int, str] = (errno.EAGAIN, "system")
    output: tuple[tuple[float, bytes], ...] = ()
    children: tuple[Child, ...] = ()

    def __post_init__(self) -> None:
        if not self.ends:
            raise InvalidConfig("ends", [], "at least one")
        for name in ("deaf", "fails_to_start"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidConfig(name, getattr(self, name), "a share from 0 to 1")

    def script(self, random: Random) -> Callable[[int], Program]:
        """Return a script whose every start draws from ``random`` (:func:`~.chance.stream`).

        A start draws the same number of times whatever comes out: changing one habit does not
        change what the others come to.
        """
        return lambda attempt: self._draw(random)

    def _draw(self, random: Random) -> Program:
        lifetime = None if self.lifetime is None else self.lifetime.draw(random)
        end = pick(self.ends, random)
        start_delay, stop_delay = self.start_delay.draw(random), self.stop_delay.draw(random)
        is_deaf, fails = random.random() < self.deaf, random.random() < self.fails_to_start
        number, stage = self.failure
        return Program(
            lifetime=lifetime,
            code=end.code,
            signal=end.signal,
            out_of_memory=end.out_of_memory,
            hangs_after=0.0 if is_deaf else None,
            start_delay=start_delay,
            stop_delay=stop_delay,
            fails_to_start=number if fails else None,
            failed_stage=stage,
            output=self.output,
            children=self.children,
        )


def pick(ends: tuple[End, ...], random: Random) -> End:
    """Return one of ``ends`` by their weights."""
    return random.choices(ends, [end.weight for end in ends])[0]
