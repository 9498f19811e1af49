"""Policies: when to restart, how long to wait before it, and when to give up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from supctl.errors import InvalidConfig

from .word import Word


class Restart(Word):
    """Which ends of a child are followed by a restart (OTP's restart type)."""

    PERMANENT = "permanent"
    """Every end."""
    TRANSIENT = "transient"
    """Every end but a normal one."""
    TEMPORARY = "temporary"
    """None."""

    def applies(self, *, normal: bool) -> bool:
        """Return whether an end that was ``normal`` or not calls for a restart."""
        match self:
            case Restart.PERMANENT:
                return True
            case Restart.TRANSIENT:
                return not normal
            case _:
                return False


class Strategy(Word):
    """Who is restarted together with a child that ended (OTP's strategy)."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"
    SIMPLE_ONE_FOR_ONE = "simple_one_for_one"
    """That of a :class:`supctl.DynamicSupervisor`, and of no other."""


class Start(Word):
    """How a supervisor starts and stops its children."""

    SEQUENTIAL = "sequential"
    """One after the other, as OTP does."""
    CONCURRENT = "concurrent"
    """Each as soon as those that it depends on are up."""


class AutoShutdown(Word):
    """When a supervisor ends because significant children have ended (OTP's auto_shutdown)."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    """As soon as one of them has ended by itself and is not restarted."""
    ALL_SIGNIFICANT = "all_significant"
    """When that has happened and none of them is left."""


class Exhausted(Word):
    """What becomes of a child whose own limits, not its supervisor's, allow no more restarts."""

    STOP = "stop"
    """It becomes ``failed`` and stays down; its siblings live on."""
    KEEP_TRYING = "keep_trying"
    """It goes on, each time at the maximum delay of its back-off."""
    SHUT_DOWN = "shut_down"
    """The whole tree ends."""


class StartFailures(Word):
    """What a supervisor does when a child does not start that it starts for the first time."""

    ESCALATE = "escalate"
    """It stops what has started and fails upwards, as OTP does."""
    RETRY = "retry"
    """It treats the child like one that crashed."""


class Jitter(Word):
    """How chance is mixed into a delay.

    Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    NONE = "none"
    FULL = "full"
    EQUAL = "equal"
    DECORRELATED = "decorrelated"


def check_seconds(field: str, value: float, *, zero: bool = True) -> None:
    """Refuse what is no usable duration in seconds: NaN, negative, infinite.

    Raises:
        InvalidConfig: naming ``field``.
    """
    wanted = "0 seconds or more" if zero else "more than 0 seconds"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidConfig(field, value, wanted)
    enough = value >= 0 if zero else value > 0
    if not enough or math.isinf(value):  # a NaN fails every comparison
        raise InvalidConfig(field, value, wanted)


def check_count(field: str, value: int, least: int) -> None:
    """Refuse what is no whole number, or less than ``least``.

    Raises:
        InvalidConfig: naming ``field``.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidConfig(field, value, f"a whole number, {least} or more")
    if value < least:
        raise InvalidConfig(field, value, f"{least} or more")


@dataclass(frozen=True, slots=True)
class Intensity:
    """How many restarts a supervisor bears before it fails upwards.

    A restart made exactly ``within`` seconds ago still counts, as in OTP's
    ``supervisor:add_restart/3`` (which works in whole seconds; we do not).

    Args:
        max_restarts: restarts allowed inside one window; 0 forbids any,
            ``None`` allows any number.
        within: length of the window in seconds, more than 0.

    Raises:
        InvalidConfig: naming the field that is out of range.
    """

    max_restarts: int | None = 1
    within: float = 5.0

    def __post_init__(self) -> None:
        if self.max_restarts is not None:
            check_count("max_restarts", self.max_restarts, 0)
        check_seconds("within", self.within, zero=False)


@dataclass(frozen=True, slots=True)
class StartRate:
    """How many starts automatic restarts may make, over a whole subtree.

    Up to ``starts`` at once, and on average not more than that in ``within`` seconds; the rest
    waits its turn (generic cell rate algorithm, ITU-T I.371).

    Args:
        starts: 1 or more.
        within: seconds, more than 0.

    Raises:
        InvalidConfig: naming the field that is out of range.
    """

    starts: int = 50
    within: float = 1.0

    def __post_init__(self) -> None:
        check_count("starts", self.starts, 1)
        check_seconds("within", self.within, zero=False)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before a restart: ``min(maximum, initial * factor**n)`` under a jitter.

    Args:
        initial: seconds before the first restart; 0 restarts at once.
        factor: growth per restart, 1 or more.
        maximum: upper bound of the delay in seconds, not below ``initial``.
        jitter: ``none``: the delay itself; ``full``: uniform in [0, delay];
            ``equal``: half of it plus uniform in [0, half]; ``decorrelated``:
            uniform in [initial, 3 * previous delay], at most ``maximum``.
        reset_after: seconds of running after which the count begins anew.

    Raises:
        InvalidConfig: naming the field that is out of range.
    """

    initial: float = 0.1
    factor: float = 2.0
    maximum: float = 30.0
    jitter: Jitter = Jitter.FULL
    reset_after: float = 60.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "jitter", Jitter.of("jitter", self.jitter))
        check_seconds("initial", self.initial)
        check_seconds("maximum", self.maximum)
        check_seconds("reset_after", self.reset_after)
        if not self.factor >= 1 or math.isinf(self.factor):
            raise InvalidConfig("factor", self.factor, "a number, 1 or more")
        if self.maximum < self.initial:
            raise InvalidConfig("maximum", self.maximum, f"at least initial ({self.initial:g})")

    def delay(self, n: int, previous: float, random: Callable[[], float]) -> float:
        """Return the seconds to wait before restart ``n`` (0 is the first).

        Args:
            n: restarts made since the last stable run.
            previous: the delay before restart ``n - 1``, in seconds; used by
                ``decorrelated`` only, and not when ``n`` is 0.
            random: returns a float in [0, 1), as :func:`random.random` does.
        """
        if self.initial == 0:
            return 0.0
        try:
            ceiling = min(self.maximum, self.initial * self.factor**n)
        except OverflowError:
            ceiling = self.maximum
        match self.jitter:
            case Jitter.NONE:
                return ceiling
            case Jitter.FULL:
                return ceiling * random()
            case Jitter.EQUAL:
                return ceiling / 2 + ceiling / 2 * random()
            case Jitter.DECORRELATED:
                before = previous if n else self.initial
                upper = max(self.initial, 3 * before)
                return min(self.maximum, self.initial + (upper - self.initial) * random())


NO_BACKOFF = Backoff(initial=0.0, jitter=Jitter.NONE)
