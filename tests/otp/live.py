"""Compares our traces with those of a live Erlang/OTP, on scenarios that hypothesis draws.

python tests/otp/live.py [--examples 5000] [--seed N]

Installs Erlang (Debian's erlang-base) if it is missing. Ends at the first scenario on which the
two differ, and shows the smallest like it. Exit status: 0 if they agree, 1 if they differ, 2 if
they could not be compared.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Final

# Run as a command, we know our own directory only.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.otp import player
from tests.otp.compare import cases
from tests.otp.features import features_of
from tests.otp.hunt import Divergence, Tally, TraceOf, hunt
from tests.otp.oracle import Oracle, OracleFailed, OracleMissing, install_erlang

_PROGRESS: Final = 500
"""Scenarios from one sign of life to the next."""

_DIVERGENCE: Final = """
Number {tally.scenarios} goes otherwise with supctl (got) than with OTP (expected). The smallest \
like it, of {tally.shrinks} tried:

{divergence}

To play it again, put it into a file: python tests/otp/play.py FILE
To find it again: python tests/otp/live.py --examples {examples} --seed {seed}
It is a bug in supctl; or, if it is meant to be so, an entry in docs/otp.md with its reason.\
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Compare supctl with a live Erlang/OTP, on scenarios that hypothesis draws."
    )
    parser.add_argument("--examples", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--seed", type=int, help="repeat the scenarios of an earlier run")
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    try:
        install_erlang()
        with Oracle() as oracle:
            return compare(oracle.trace_of, options.examples, seed)
    except (OracleMissing, OracleFailed) as error:
        print(f"live.py: {error}", file=sys.stderr)
        return 2


def compare(oracle: TraceOf, examples: int, seed: int) -> int:
    """Hunt for a divergence and tell what came of it; return the exit status."""
    print(f"{examples} scenarios from seed {seed}", flush=True)
    tally, began = Tally(), time.monotonic()
    try:
        for _ in islice(hunt(oracle, player.trace_of, tally, seed=seed), examples):
            if tally.scenarios % _PROGRESS == 0:
                print(f"{tally.scenarios} agree, {time.monotonic() - began:.0f} s", flush=True)
    except Divergence as divergence:
        print(_DIVERGENCE.format(divergence=divergence, tally=tally, examples=examples, seed=seed))
        return 1
    print(f"{tally.scenarios} scenarios agree, in {time.monotonic() - began:.0f} s")
    if tally.unreliable:
        print(f"{tally.unreliable} left out: the machine was too busy for the oracle's clock")
    print(reach(tally.features, examples))
    return 0


def reach(met: set[str], examples: int) -> str:
    """Return how far the scenarios went, measured by as many of those in ../shared/otp."""
    known = set[str]()
    for case in islice(cases("random.scn.xz", "random.trace.xz"), examples):
        known |= features_of(case.scenario, case.expected)
    missed = sorted(known - met)
    return (
        f"{len(met)} features met, {len(known & met)} of the {len(known)} in as many scenarios "
        f"of ../shared/otp" + (f"; not met: {', '.join(missed)}" if missed else "")
    )


if __name__ == "__main__":
    sys.exit(main())
