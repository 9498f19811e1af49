"""``Ready`` and ``Health``: when a program counts as up, and when it does not any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supctl.errors import InvalidConfig

from .policy import check_count, check_seconds
from .probe import Delay, Exec, Http, Notify, Output, Probe, Tcp, Watchdog

_SHOWS_READY: Final = (Tcp, Http, Exec, Output, Delay, Notify)
_SHOWS_HEALTH: Final = (Tcp, Http, Exec, Watchdog)

_TIMEOUT: Final = 30.0
_INTERVAL: Final = 60.0
_ANSWER_WITHIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class Ready:
    """When a program that was started counts as up.

    Until then it is ``starting``, and what comes after it waits. If it is not ready in time, or
    ends before, its start has failed.

    Args:
        probe: what shows it: :class:`Tcp`, :class:`Http`, :class:`Exec`, :class:`Output`,
            :class:`Delay` or :class:`Notify`.
        timeout: seconds that it may take, more than 0. None can be set for a delay.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """

    probe: Probe
    timeout: float = _TIMEOUT

    def __post_init__(self) -> None:
        if not isinstance(self.probe, _SHOWS_READY):
            raise InvalidConfig("probe", self.probe, _one_of(_SHOWS_READY))
        check_seconds("timeout", self.timeout, zero=False)
        if isinstance(self.probe, Delay) and self.timeout != _TIMEOUT:
            raise InvalidConfig("timeout", self.timeout, "none for a delay, which always ends")

    def __str__(self) -> str:
        within = "" if isinstance(self.probe, Delay) else f" (within {self.timeout:g} s)"
        return f"ready when {self.probe}{within}"


@dataclass(frozen=True, slots=True)
class Health:
    """What shows that a program that is up is still well, and how much silence it is granted.

    After ``retries`` failures in a row it is asked to stop, and has ended as ``unhealthy``:
    whether it is started again is up to its restart policy.

    Args:
        probe: what shows it: :class:`Tcp`, :class:`Http`, :class:`Exec` or :class:`Watchdog`.
        interval: seconds from one question to the next, more than 0.
        timeout: seconds that an answer may take, more than 0.
        retries: failures in a row, 1 or more.
        start_period: seconds after it is up before the first question.

    ``interval`` and ``timeout`` mean nothing to a watchdog, which has seconds of its own.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """

    probe: Probe
    interval: float = _INTERVAL
    timeout: float = _ANSWER_WITHIN
    retries: int = 3
    start_period: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.probe, _SHOWS_HEALTH):
            raise InvalidConfig("probe", self.probe, _one_of(_SHOWS_HEALTH))
        check_seconds("interval", self.interval, zero=False)
        check_seconds("timeout", self.timeout, zero=False)
        check_seconds("start_period", self.start_period)
        check_count("retries", self.retries, 1)
        if isinstance(self.probe, Watchdog):
            for field, usual in (("interval", _INTERVAL), ("timeout", _ANSWER_WITHIN)):
                if (got := getattr(self, field)) != usual:
                    raise InvalidConfig(field, got, "none for a watchdog, which has its own")

    def can_become(self, other: Health) -> bool:
        """Return whether a program that runs, and is asked so, can be asked as ``other`` says.

        A watchdog cannot: a program is told its seconds when it starts.
        """
        return not isinstance(self.probe, Watchdog) and not isinstance(other.probe, Watchdog)

    def __str__(self) -> str:
        often = "" if isinstance(self.probe, Watchdog) else f" (every {self.interval:g} s)"
        return f"healthy while {self.probe}{often}"


def ready_of(value: Ready | Probe | None) -> Ready | None:
    """Return what ``App(ready=value)`` means: a probe is short for one with the usual time-out.

    Raises:
        InvalidConfig: it is neither, or no such probe.
    """
    if value is None or isinstance(value, Ready):
        return value
    if not isinstance(value, _SHOWS_READY):
        raise InvalidConfig("ready", value, f"Ready(...), or {_one_of(_SHOWS_READY)}")
    return Ready(value)


def health_of(value: Health | Probe | None) -> Health | None:
    """Return what ``App(health=value)`` means: a probe is short for one with the usual figures.

    The first silence that a watchdog notices is the last, as systemd has it.

    Raises:
        InvalidConfig: it is neither, or no such probe.
    """
    if value is None or isinstance(value, Health):
        return value
    if not isinstance(value, _SHOWS_HEALTH):
        raise InvalidConfig("health", value, f"Health(...), or {_one_of(_SHOWS_HEALTH)}")
    return Health(value, retries=1) if isinstance(value, Watchdog) else Health(value)


def _one_of(kinds: tuple[type[Probe], ...]) -> str:
    *others, last = (kind.__name__ for kind in kinds)
    return f"{', '.join(others)} or {last}"
