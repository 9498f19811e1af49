"""How long it takes to check a file of a thousand apps, from the start of Python on.

The floor is a Python that imports what reads such files and calls commands, and does nothing.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console

from .rows import Row, table

_APPS: Final = 1000
_GOAL: Final = 0.5
"""Seconds of the clock that a file in TOML may take."""

FLOOR: Final = (sys.executable, "-c", "import tomllib, msgspec, click")

_DEFAULTS: Final = """\
[defaults]
restart = "on-failure"
env = { LEVEL = "info" }
"""
_APP: Final = """
[apps.app{number}]
command = ["sleep", "{number}"]
env = {{ PORT = "{number}" }}
stop = {{ grace = "5s" }}
limits = {{ memory = "256M" }}
log = {{ keep = 5 }}
health = {{ http = 8080, interval = "10s" }}
"""

Clock = Callable[[], float]


def run(console: Console, *, quick: bool) -> None:
    """Measure and print the table."""
    rounds = 3 if quick else 9
    rows = []
    with TemporaryDirectory() as directory:
        environ = compiled_in(Path(directory))
        floor = seconds_of(FLOOR, rounds, environ)
        for path in write_files(Path(directory), _APPS):
            seconds = seconds_of(check(path), rounds, environ)
            told = f"python that imports {floor * 1000:.0f} ms", seconds / floor
            verdict = f"< {_GOAL} s", seconds < _GOAL
            rows.append(Row(f"check {path.name}", f"{seconds:.2f} s", *told, *verdict))
    console.print(table(f"a file of {_APPS} apps: the best of {rounds} rounds", rows))


def write_files(directory: Path, apps: int) -> tuple[Path, Path]:
    """Write a file of so many apps in TOML and in JSON; return both."""
    text = _DEFAULTS + "".join(_APP.format(number=number) for number in range(1, apps + 1))
    as_toml, as_json = directory / "supctl.toml", directory / "supctl.json"
    as_toml.write_text(text)
    as_json.write_text(json.dumps(tomllib.loads(text)))
    return as_toml, as_json


def check(path: Path) -> tuple[str, ...]:
    """Return the command that checks a file."""
    return sys.executable, "-m", "supctl", "check", str(path)


def children_cpu() -> float:
    """Return the processor time of all children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compiled_in(directory: Path) -> dict[str, str]:
    """Return an environment in which Python compiles once, as what is installed is."""
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": str(directory / "compiled")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return environ


def seconds_of(
    command: Sequence[str],
    rounds: int,
    environ: Mapping[str, str],
    clock: Clock = time.monotonic,
) -> float:
    """Return the shortest time that a command took; one round more has it compiled first."""
    return min(_once(command, environ, clock) for _ in range(rounds + 1))


def _once(command: Sequence[str], environ: Mapping[str, str], clock: Clock) -> float:
    began_at = clock()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return clock() - began_at
