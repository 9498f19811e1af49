"""Plays files of scenarios and prints our traces, in the form of the OTP oracle.

python tests/otp/play.py [--shell] FILE...
"""

from __future__ import annotations

import argparse
import lzma
import sys
from pathlib import Path
from typing import TextIO

# Run as a command, we know our own directory only.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.otp import player, shell


def opened(path: Path) -> TextIO:
    """Open a file of scenarios or traces, compressed or not."""
    return lzma.open(path, "rt") if path.suffix == ".xz" else path.open()


def main() -> None:
    parser = argparse.ArgumentParser(description="Play scenarios of the OTP oracle on supctl.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--shell", action="store_true", help="on the trio shell, not on the core")
    options = parser.parse_args()
    traces_of = shell.traces_of if options.shell else player.traces_of
    for path in options.files:
        with opened(path) as lines:
            for trace in traces_of(lines):
                sys.stdout.write(trace)


if __name__ == "__main__":
    main()
