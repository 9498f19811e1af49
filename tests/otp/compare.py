"""Compares our traces with those of the real OTP, event by event.

python tests/otp/compare.py

Plays all scenarios of ../shared/otp on the pure core, and some of them on the trio shell, on all
processors. Exits with 1 and shows the differences if there are any.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Run as a command, we know our own directory only.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.otp import player, shell
from tests.otp.play import opened

ORACLE: Final = Path(__file__).parents[3] / "shared" / "otp"
DELIBERATE: Final = frozenset({"SOFO-05_OTP_DEFECT_restart_returns_ignore"})
"""Scenarios that go otherwise with us, each with its reason in docs/otp.md."""

_SHOWN: Final = 5
_SAMPLE: Final = 2000
"""Scenarios that are played on the trio shell."""

_CORES: Final = re.compile("report |window ")
"""Lines that come of the pure core alone."""


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


def on_core(case: Case) -> str:
    """Return what differs on the pure core, for people; nothing if nothing does."""
    return _difference(case.scenario, case.expected, player.trace_of(case.scenario))


def on_shell(case: Case) -> str:
    """Return what differs on the trio shell, but for reports and windows."""
    kept = [line for line in case.expected.splitlines(keepends=True) if not _CORES.match(line)]
    return _difference(case.scenario, "".join(kept), shell.trace_of(case.scenario))


def _difference(scenario: str, expected: str, played: str) -> str:
    if played == expected:
        return ""
    lines = difflib.unified_diff(
        expected.splitlines(), played.splitlines(), "OTP", "supctl", n=9, lineterm=""
    )
    return "\n".join([scenario, *lines])


def compare(what: str, differences: Callable[[Case], str], compared: Sequence[Case]) -> bool:
    """Play cases on all processors, show what differs, and return whether nothing does."""
    began_at = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = [text for text in pool.map(differences, compared, chunksize=100) if text]
    for text in found[:_SHOWN]:
        print(text, end="\n\n")
    seconds = time.monotonic() - began_at
    print(f"{what}: {len(compared) - len(found)} of {len(compared)} as OTP, in {seconds:.0f} s")
    return not found


def main() -> int:
    argparse.ArgumentParser(
        description="Compare supctl with the traces of Erlang/OTP."
    ).parse_args()
    if not ORACLE.is_dir():
        print(f"skipped: the traces of OTP are not here, {ORACLE}", file=sys.stderr)
        return 0
    written = [case for case in cases("cases.scn", "cases.trace") if not case.is_deliberate]
    drawn = list(cases("random.scn.xz", "random.trace.xz"))
    print(f"{len(DELIBERATE)} go otherwise with us, deliberately (docs/otp.md)")
    core = compare("pure core", on_core, [*written, *drawn])
    trio_shell = compare("trio shell", on_shell, [*written, *drawn[:: len(drawn) // _SAMPLE]])
    return 0 if core and trio_shell else 1


if __name__ == "__main__":
    sys.exit(main())
