"""Which faults befall the apps of a rehearsal, and how often."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from supctl.errors import InvalidConfig


class Fault(StrEnum):
    """What may befall an app, at any instant alike. docs/rehearsal.md says what each means."""

    CRASH = "crash"
    """It ends by itself."""
    HANG = "hang"
    """From then on it is deaf to every signal but SIGKILL."""
    SLOW_START = "slow-start"
    """It ends by itself, and starts in the next minute take long."""
    SPAWN_FAILURE = "spawn-failure"
    """It ends by itself, and for a while it cannot be started."""


_HOUR: Final = 3600.0

DEFAULT_RATES: Final[Mapping[Fault, float]] = MappingProxyType(
    {
        Fault.CRASH: 1 / (24 * _HOUR),
        Fault.HANG: 1 / (7 * 24 * _HOUR),
        Fault.SLOW_START: 1 / (7 * 24 * _HOUR),
        Fault.SPAWN_FAILURE: 1 / (7 * 24 * _HOUR),
    }
)
"""A second: an app crashes once a day and has each of the other troubles once a week."""

_UNITS: Final = {
    "min": 60.0,
    "h": _HOUR,
    "hour": _HOUR,
    "d": 24 * _HOUR,
    "day": 24 * _HOUR,
    "w": 7 * 24 * _HOUR,
    "week": 7 * 24 * _HOUR,
}

_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)/([a-z]+)")
_RATE_WANTED: Final = 'a rate such as "0.5/h", "1/day", "2/week", or 0'

_FASTEST: Final = 1.0
"""A second. What crashes more often does not work at all, and the rehearsal would crawl."""


@dataclass(frozen=True, slots=True)
class Override:
    """Another rate for the apps that ``written`` fits."""

    written: str
    fault: Fault
    rate: float


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """How often each fault befalls each app.

    Args:
        rates: for all apps, each a second; a fault that is not there does not happen.
        overrides: for some; a later one goes before an earlier one.
    """

    rates: Mapping[Fault, float] = field(default_factory=lambda: DEFAULT_RATES)
    overrides: tuple[Override, ...] = ()

    def of(self, address: str) -> dict[Fault, float]:
        """Return the rates of the app at ``address``."""
        own = {fault: self.rates.get(fault, 0.0) for fault in Fault}
        own |= {it.fault: it.rate for it in self.overrides if fits(it.written, address)}
        return own

    def __str__(self) -> str:
        """Return it as a list: ``crash 1/day, hang 1/week; api: crash 2/h``."""
        general = ", ".join(f"{fault} {rate_text(rate)}" for fault, rate in self.rates.items())
        special = (f"{it.written}: {it.fault} {rate_text(it.rate)}" for it in self.overrides)
        return "; ".join((general, *special))

    def check(self, addresses: Collection[str]) -> None:
        """Refuse overrides for apps that are none of ``addresses``.

        Raises:
            InvalidConfig: naming the first of them.
        """
        for override in self.overrides:
            check_app("--faults", override.written, addresses)


def fits(written: str, address: str) -> bool:
    """Return whether somebody who writes ``written`` means the app at ``address``.

    By its address, the end of that, or its name: ``/web/api:2``, ``web/api`` for all instances,
    ``api`` for all that are called so.
    """
    wanted, full = written.strip("/"), address.strip("/")
    return any(
        own == wanted or own.endswith("/" + wanted) for own in (full, full.partition(":")[0])
    )


def check_app(option: str, written: str, addresses: Collection[str]) -> None:
    """Refuse ``written`` if it is the name or address of none of ``addresses``.

    Raises:
        InvalidConfig: naming ``option``, and what is near.
    """
    if any(fits(written, address) for address in addresses):
        return
    known = [address.strip("/") for address in addresses]
    names = known + [full.rpartition("/")[2].partition(":")[0] for full in known]
    near = difflib.get_close_matches(written, names, n=1)
    mend = f"did you mean {near[0]!r}?" if near else f"there are {_some(known)}"
    raise InvalidConfig(option, written, "an app of this tree", mend)


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def parse_faults(texts: Iterable[str]) -> FaultPlan:
    """Return the plan that ``--faults`` asks for.

    Each text is a list, with commas, of ``[APP:]FAULT[=RATE]``. Those without an app say which
    faults there are at all (without any of them: all, at their default rates).

    Raises:
        InvalidConfig: naming the item.
    """
    rates: dict[Fault, float] = {}
    overrides: list[Override] = []
    for item in (part.strip() for text in texts for part in text.split(",")):
        what, with_rate, rate_text = item.partition("=")
        app, _, word = what.strip().rpartition(":")
        fault = _fault(word, item)
        rate = (
            parse_rate(f"--faults {what}", rate_text.strip()) if with_rate else DEFAULT_RATES[fault]
        )
        if app:
            overrides.append(Override(app, fault, rate))
        else:
            rates[fault] = rate
    return FaultPlan(rates or DEFAULT_RATES, tuple(overrides))


def _fault(word: str, item: str) -> Fault:
    try:
        return Fault(word)
    except ValueError:
        near = difflib.get_close_matches(word, [str(fault) for fault in Fault], n=1)
        mend = f"did you mean {near[0]!r}?" if near else ""
        wanted = f"[APP:]FAULT[=RATE] with one of {', '.join(Fault)}"
        raise InvalidConfig("--faults", item, wanted, mend) from None


def parse_rate(field: str, text: str) -> float:
    """Return a rate a second, from text such as ``"0.5/h"`` or ``"0"``.

    Raises:
        InvalidConfig: it is none, or more than one a second.
    """
    if text == "0":
        return 0.0
    found = _RATE.fullmatch(text)
    if found is None or found[2] not in _UNITS:
        raise InvalidConfig(field, text, _RATE_WANTED)
    rate = float(found[1]) / _UNITS[found[2]]
    if rate > _FASTEST:
        raise InvalidConfig(field, text, "at most one a second, 60/min")
    return rate


def rate_text(rate: float) -> str:
    """Return a rate a second in the unit in which people would say it: ``"1/day"``."""
    for unit in ("min", "h", "day", "week"):
        if (number := rate * _UNITS[unit]) >= 0.999:
            break
    return f"{number:.3g}/{unit}" if rate else "never"
