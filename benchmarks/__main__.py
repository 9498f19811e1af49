"""``python -m benchmarks``: measure, and print a table for each part."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from . import apps, daemon, files, supervision, tasks
from .actors import report as actors

_PARTS = {
    "apps": apps.run,
    "supervision": supervision.run,
    "tasks": tasks.run,
    "actors": actors.run,
    "daemon": daemon.run,
    "files": files.run,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure supctl's speed and memory."
    )
    parser.add_argument("part", nargs="?", choices=_PARTS, help="all if not given")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the apps and hours, fewer rounds"
    )
    options = parser.parse_args()
    # In a file or a pipe a table is as wide as it needs to be.
    console = Console(width=None if sys.stdout.isatty() else 140)
    for part in [options.part] if options.part else _PARTS:
        _PARTS[part](console, quick=options.quick)


if __name__ == "__main__":
    main()
