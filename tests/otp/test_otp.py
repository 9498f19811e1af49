"""Our core does what the supervisor of Erlang/OTP does, event by event."""

from __future__ import annotations

import difflib
import lzma
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final, TextIO

import pytest

ORACLE: Final = Path(__file__).parents[3] / "shared" / "otp"
QUERIES: Final = frozenset({"which_children", "count_children", "get_childspec"})
pytestmark = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the traces of OTP are not here: ../shared/otp"
)

Play = Callable[[Iterable[str]], Iterator[Any]]


def opened(name: str) -> TextIO:
    path = ORACLE / name
    return lzma.open(path, "rt") if path.suffix == ".xz" else path.open()


def read_traces(lines: Iterable[str]) -> Iterator[list[list[str]]]:
    """Yield the blocks of each trace, without queries, reports and windows."""
    blocks = list[list[str]]()
    for line in lines:
        match line.split():
            case ["scenario", *_]:
                blocks = []
            case ["end"]:
                yield [block for block in blocks if block[0].split()[1] not in QUERIES]
            case [">", *_]:
                blocks.append([line.rstrip()])
            case [kind, *_] if kind not in ("report", "window"):
                blocks[-1].append(line.rstrip())


def difference(played: Any, otps: list[list[str]]) -> str:
    """Return what differs, for people; nothing if nothing does."""
    expected = otps[: len(played.blocks)] if played.why_not else otps
    if expected == played.blocks:
        return ""
    lines = difflib.unified_diff(
        list(chain(*expected)), list(chain(*played.blocks)), f"{played.name} OTP", "ours", n=9
    )
    return "\n".join(line.rstrip() for line in lines)


def check(play: Play, script: str, trace: str, *, at_least: int) -> None:
    """Compare all scenarios; too few that could be played would mean nothing."""
    with opened(script) as scenarios, opened(trace) as traces:
        compared = list(zip(play(scenarios), read_traces(traces), strict=True))
    differing = {one.name: text for one, otps in compared if (text := difference(one, otps))}
    assert not differing, "\n".join(list(differing.values())[:3])
    count = sum(bool(one.blocks) for one, _ in compared)
    assert count >= at_least, Counter(one.why_not for one, _ in compared)


def test_hand_written_cases(play: Play) -> None:
    check(play, "cases.scn", "cases.trace", at_least=36)


def test_random_scenarios(play: Play) -> None:
    check(play, "random.scn.xz", "random.trace.xz", at_least=9900)
