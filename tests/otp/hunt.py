"""The hunt for a scenario on which two players differ."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeAlias

from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.errors import Flaky

from tests.otp.features import features_of
from tests.otp.generate import scenarios
from tests.otp.oracle import Unreliable

TraceOf: TypeAlias = Callable[[str], str]
"""A player: from the text of a scenario to the text of its trace."""

_BYTES: Final = 4096
"""What a scenario is drawn from, of which it takes what it needs: of 10,000, 1,300 at most."""


class Divergence(Exception):
    """Two players gave different traces of one scenario."""

    def __init__(self, scenario: str, expected: str, got: str) -> None:
        self.scenario, self.expected, self.got = scenario, expected, got
        super().__init__(scenario, expected, got)

    def __str__(self) -> str:
        """Return the scenario and the two traces, whole, as one unified diff."""
        traces = self.expected.splitlines(), self.got.splitlines()
        whole = max(map(len, traces))
        diff = difflib.unified_diff(*traces, "expected", "got", n=whole, lineterm="")
        return "\n".join([self.scenario, *diff])


@dataclass
class Tally:
    """What a hunt has met so far."""

    scenarios: int = 0
    features: set[str] = field(default_factory=set)
    unreliable: int = 0
    """Scenarios left out, for the oracle could not keep its virtual time."""
    shrinks: int = 0
    """Scenarios tried to make the one that differs smaller."""


def hunt(expecting: TraceOf, getting: TraceOf, tally: Tally, *, seed: int) -> Iterator[str]:
    """Draw scenarios, without end, and yield each on which the two players agree.

    Hypothesis draws them as for a fuzzer, from random bytes, and shrinks what then is in its
    database. When it chooses by itself, it varies each scenario five times over, and 2,000 of
    them show 475 kinds of trace blocks (the same but for ids) instead of 2,700.

    Raises:
        Divergence: with the smallest scenario found on which they differ.
    """

    @settings(
        database=InMemoryExampleDatabase(),
        phases=[Phase.reuse, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        deadline=None,
    )
    @given(scenarios())
    def agree(scenario: str) -> None:
        tally.shrinks += 1
        try:
            expected = expecting(scenario)
        except Unreliable:
            tally.unreliable += 1
            reject()
        got = _trace_or_error(getting, scenario)
        if got != expected:
            raise Divergence(scenario, expected, got)
        tally.features |= features_of(scenario, expected)
        agreed.append(scenario)

    agreed = list[str]()
    random = Random(seed)
    draw_from = agree.hypothesis.fuzz_one_input  # type: ignore[attr-defined] # given adds it
    while True:
        try:
            draw_from(random.randbytes(_BYTES))
        except Divergence as divergence:
            tally.scenarios += 1
            tally.shrinks = 0
            raise _shrunk(divergence, agree) from None
        tally.scenarios += len(agreed)
        yield from agreed
        agreed.clear()


def _shrunk(divergence: Divergence, agree: Callable[[], None]) -> Divergence:
    """Return the smallest divergence that hypothesis finds, beginning with the last it has seen.

    It gives up after 200 tries in vain, so it is asked again until that brings nothing more.
    """
    while True:
        try:
            agree()
        except Divergence as smaller:
            if smaller.scenario == divergence.scenario:
                return smaller
            divergence = smaller
        except Flaky:
            return divergence
        else:
            return divergence  # it came only once


def _trace_or_error(trace_of: TraceOf, scenario: str) -> str:
    try:
        return trace_of(scenario)
    except Exception:  # a player that breaks differs too, and is worth a small scenario
        return traceback.format_exc()
