"""Runs the contestants, one after the other, several times in turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .environment import NotToBeHad, last_line, python_with
from .stopwatch import Figures

_PATIENCE = 300.0
"""Seconds that one turn may take."""

_ROOT = Path(__file__).parents[2]

_QUIET = {
    "PYTHONWARNINGS": "ignore",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}


@dataclass(frozen=True)
class Contestant:
    """A program that measures once.

    Args:
        name: for people.
        program: a module of this package.
        requirements: what is installed for it; nothing if it is ours or the standard library's.
        complete: as in :func:`~benchmarks.actors.environment.python_with`.
    """

    name: str
    program: str
    requirements: tuple[str, ...] = ()
    complete: bool = False

    def command(self) -> list[str]:
        """Return what runs it. Raises NotToBeHad."""
        python = sys.executable
        if self.requirements:
            python = python_with(self.name, self.requirements, complete=self.complete)
        return [python, "-m", f"{__package__}.{self.program}"]

    def measure(self, rounds: int) -> Figures:
        """Let it measure, with so many round trips. Raises NotToBeHad."""
        try:
            told = subprocess.run(
                [*self.command(), str(rounds)],
                check=True,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                cwd=_ROOT,
                env=os.environ | _QUIET,
            ).stdout
        except subprocess.CalledProcessError as error:
            raise NotToBeHad(last_line(error)) from error
        figures: Figures = json.loads(told.splitlines()[-1])
        return figures


FLOOR = Contestant("floor", "floor")
OURS = Contestant("supctl", "ours")
FUTURES = Contestant("concurrent.futures", "futures")
FORKSERVER = Contestant("forkserver", "forkserver")
RAY = Contestant("ray", "on_ray", ("ray",))
TRACTOR = Contestant(
    "tractor",
    "on_tractor",
    # It asks for a pdbpp that is not on PyPI, and for a trio of its time.
    (
        "tractor==0.1.0a5", "trio==0.22.2", "msgspec==0.18.6", "tricycle==0.4.1", "pdbpp==0.10.3",
        "fancycompleter==0.9.1", "pyrepl==0.9.0", "pygments", "wmctrl", "colorlog", "wrapt",
        "async-generator", "attrs", "idna", "outcome", "sniffio", "sortedcontainers",
        "trio-typing==0.9.0", "mypy-extensions", "typing-extensions", "importlib-metadata", "zipp",
        "packaging", "setuptools<81",
    ),
    complete=True,
)  # fmt: skip

EVERYBODY = (FLOOR, OURS, FUTURES, FORKSERVER, TRACTOR, RAY)


@dataclass
class Outcome:
    """What is known of a contestant: the median of each figure, or why there is none."""

    figures: Figures
    problem: str = ""


def run(contestants: Sequence[Contestant], rounds: int, turns: int) -> dict[str, Outcome]:
    """Return the outcome of each, by name."""
    seen: dict[str, list[Figures]] = {contestant.name: [] for contestant in contestants}
    problems: dict[str, str] = {}
    for _ in range(turns):
        for contestant in contestants:
            if contestant.name not in problems:
                try:
                    seen[contestant.name].append(contestant.measure(rounds))
                except NotToBeHad as error:
                    problems[contestant.name] = str(error)
    return {name: Outcome(_medians(seen[name]), problems.get(name, "")) for name in seen}


def _medians(seen: list[Figures]) -> Figures:
    names = seen[0] if seen else ()
    return {name: statistics.median(figures[name] for figures in seen) for name in names}
