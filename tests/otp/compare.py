"""Compares our traces with those of the real OTP, event by event.

python tests/otp/compare.py

Plays all scenarios of ../shared/otp on the pure core, on all processors. Exits with 1 and shows
the differences if there are any.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Run as a command, we know our own directory only.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.otp import player
from tests.otp.play import opened

ORACLE: Final = Path(__file__).parents[3] / "shared" / "otp"
DELIBERATE: Final = frozenset({"SOFO-05_OTP_DEFECT_restart_returns_ignore"})
"""Scenarios that go otherwise with us, each with its reason in docs/otp.md."""

_SHOWN: Final = 5


@dataclass(frozen=True)
class Case:
    """A scenario and what OTP makes of it."""

    scenario: str
    expected: str

    @property
    def is_deliberate(self) -> bool:
        """Whether it goes otherwise with us, and is meant to."""
        return self.expected.split(maxsplit=2)[1] in DELIBERATE


def cases(script: str, trace: str) -> Iterator[Case]:
    """Yield the cases in a file of scenarios and a file of their traces."""
    for scenario, expected in zip(_texts(script), _texts(trace), strict=True):
        yield Case(scenario, expected)


def _texts(name: str) -> Iterator[str]:
    """Yield the text of each scenario or trace in a file of the oracle's, to its ``end``."""
    lines: list[str] = []
    with opened(ORACLE / name) as file:
        for line in file:
            if lines or line.startswith("scenario "):
                lines.append(line)
            if line == "end\n":
                yield "".join(lines)
                lines = []


def difference(case: Case) -> str:
    """Return what differs on the pure core, for people; nothing if nothing does."""
    played = player.trace_of(case.scenario)
    if played == case.expected:
        return ""
    lines = difflib.unified_diff(
        case.expected.splitlines(), played.splitlines(), "OTP", "supctl", n=9, lineterm=""
    )
    return "\n".join([case.scenario, *lines])


def main() -> int:
    argparse.ArgumentParser(
        description="Compare supctl with the traces of Erlang/OTP."
    ).parse_args()
    if not ORACLE.is_dir():
        print(f"skipped: the traces of OTP are not here, {ORACLE}", file=sys.stderr)
        return 0
    all_cases = [*cases("cases.scn", "cases.trace"), *cases("random.scn.xz", "random.trace.xz")]
    played = [case for case in all_cases if not case.is_deliberate]
    began_at = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        differences = [text for text in pool.map(difference, played, chunksize=200) if text]
    for text in differences[:_SHOWN]:
        print(text, end="\n\n")
    print(
        f"core: {len(played) - len(differences)} of {len(played)} scenarios as OTP, "
        f"in {time.monotonic() - began_at:.0f} s; {len(all_cases) - len(played)} deliberately "
        "otherwise (docs/otp.md)"
    )
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
