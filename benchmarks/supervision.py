"""The figures of supervision: how fast it decides, and what a child costs."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from supctl.specs.policy import NO_BACKOFF

from . import core, rehearsal, trees
from .rows import Row, table

_MANY = 10_000
_FEW = 10
_CROWD = 100

_SAME = 1.25
"""What the processor's caches may make of it; a scan would be a factor of hundreds."""


def run(console: Console, *, quick: bool) -> None:
    """Measure and print the table."""
    rows = []
    for row in _rows(3 if quick else 15, 1 if quick else 3, hours=100 if quick else 1000):
        console.print(f"[dim]{row.figure}: {row.value}")
        rows.append(row)
    console.print(table("processor time, the best of several rounds", rows))


def _rows(rounds: int, runs: int, hours: int) -> Iterator[Row]:
    yield from _core_rows(rounds)
    yield from _tree_rows(runs)
    seconds, goal = min(rehearsal.seconds_for(hours) for _ in range(runs)), hours / 100
    yield Row(
        f"{hours:,} h rehearsed, 20 apps",
        f"{seconds:.2f} s",
        goal=f"< {goal:g} s",
        is_met=seconds < goal,
    )


def _core_rows(rounds: int) -> Iterator[Row]:
    for name, backoff in (("", NO_BACKOFF), (" with back-off", core.WITH_BACKOFF)):
        rate = core.events_per_second(_CROWD, backoff, rounds)
        bare = core.bare_events_per_second(_CROWD, backoff, rounds)
        yield Row(
            f"core, {_CROWD} children{name}",
            f"{rate:,.0f} events/s",
            f"bare loop {bare:,.0f}",
            bare / rate,
            "> 100,000",
            rate > 100_000,
        )
    for name, dynamic in (("", False), (" dynamic", True)):
        few = core.seconds_per_exit(_FEW, dynamic=dynamic, rounds=rounds)
        many = core.seconds_per_exit(_MANY, dynamic=dynamic, rounds=rounds)
        yield Row(
            f"one exit of {_MANY:,}{name}",
            f"{many * 1e6:.1f} µs",
            f"{_FEW} children {few * 1e6:.1f}",
            many / few,
            "the same",
            many / few < _SAME,
        )


def _tree_rows(runs: int) -> Iterator[Row]:
    bare = _best(trees.BARE, runs)
    bare_seconds = bare.up + bare.down
    for kind in trees.KINDS:
        best = _best(kind, runs)
        seconds = best.up + best.down
        yield Row(
            f"{_MANY:,} {kind}",
            f"{best.up:.2f} + {best.down:.2f} s",
            f"bare tasks {bare_seconds:.2f}",
            seconds / bare_seconds,
            "< 3 s",
            seconds < 3,
        )
        size, bare_size = best.memory / _MANY / 1024, bare.memory / _MANY / 1024
        yield Row(
            "  memory of each",
            f"{size:.1f} KiB",
            f"bare tasks {bare_size:.1f}",
            size / bare_size,
            "< 12 KiB",
            size < 12,
        )


def _best(kind: str, runs: int) -> trees.Figures:
    return min((trees.measure(kind, _MANY) for _ in range(runs)), key=lambda it: it.up + it.down)
