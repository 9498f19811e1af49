"""Chance for simulations: distributions of seconds, and streams of random numbers from one seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random

from supctl.errors import InvalidConfig
from supctl.specs.policy import check_seconds


def stream(seed: int, *names: str) -> Random:
    """Return the random numbers that ``seed`` holds for whoever is called ``names``.

    Streams of different names are independent of each other: whoever comes or goes, and however
    often somebody draws, the others draw what they would have drawn. The same on every machine
    and in every run, as Python promises for text seeds and :meth:`random.Random.random`.
    """
    return Random("/".join((str(seed), *names)))  # text is hashed whole (SHA-512), not added up


class Distribution(ABC):
    """Durations that differ by chance, in seconds."""

    __slots__ = ()

    @abstractmethod
    def draw(self, random: Random) -> float:
        """Return the next one."""


@dataclass(frozen=True, slots=True)
class Fixed(Distribution):
    """Always the same."""

    seconds: float

    def __post_init__(self) -> None:
        check_seconds("seconds", self.seconds)

    def draw(self, random: Random) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Anything between two bounds, all alike."""

    least: float
    most: float

    def __post_init__(self) -> None:
        check_seconds("least", self.least)
        check_seconds("most", self.most)
        if self.most < self.least:
            raise InvalidConfig("most", self.most, f"at least least ({self.least:g})")

    def draw(self, random: Random) -> float:
        return self.at(random.random())

    def at(self, share: float) -> float:
        """Return what lies at ``share``, 0 to 1, of the way from ``least`` to ``most``."""
        return self.least + (self.most - self.least) * share


@dataclass(frozen=True, slots=True)
class Exponential(Distribution):
    """What comes by accident: however long it has not come, it is as far away as ever."""

    mean: float

    def __post_init__(self) -> None:
        check_seconds("mean", self.mean, zero=False)

    def draw(self, random: Random) -> float:
        return random.expovariate(1 / self.mean)
