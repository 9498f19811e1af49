"""The figures of actors beside the floor and everybody else, and the goals."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from benchmarks.rows import Row, table

from .contest import EVERYBODY, FLOOR, FORKSERVER, FUTURES, OURS, RAY, TRACTOR, Outcome
from .contest import run as contest
from .stopwatch import CHUNKS, Figures

_FASTER_THAN_FORKSERVER = 3.0


def run(console: Console, *, quick: bool) -> None:
    """Measure and print the table."""
    console.print("[dim]actors: what others have is installed first, which may take a minute")
    outcomes = contest(EVERYBODY, 1000 if quick else 3000, 2 if quick else 5)
    title = "actors in processes: medians of several turns; the floor is trio and msgpack, bare"
    console.print(table(title, _rows(outcomes)))


def _rows(outcomes: dict[str, Outcome]) -> Iterator[Row]:
    ours, floor = outcomes[OURS.name].figures, outcomes[FLOOR.name].figures
    if not ours:
        yield Row("actors", outcomes[OURS.name].problem, is_met=False)
        return
    yield from _floor_rows(ours, floor)
    yield from _own_rows(ours)
    yield from _rows_of_others(ours, outcomes)


def _floor_rows(ours: Figures, floor: Figures) -> Iterator[Row]:
    for name, key in (("round trip", "median"), ("round trip, p99", "p99")):
        ratio = ours[key] / floor[key]
        shown = _micros(ours[key]), f"floor {_micros(floor[key])}"
        yield Row(name, *shown, ratio, "< 1.6", ratio < 1.6)
    for name, least in (("pipelined", 0.35), ("casts", 0.7)):
        ratio = ours[name] / floor[name]
        shown = _rate(ours[name]), f"floor {_rate(floor[name])}"
        yield Row(name, *shown, ratio, f"> {least}", ratio > least)
    yield Row(
        "1 MiB one way",
        f"{ours['bulk'] / 1e9:.2f} GB/s",
        f"blocking pipe {floor['bulk'] / 1e9:.2f}",
        ours["bulk"] / floor["bulk"],
        "> 1.5 GB/s",
        ours["bulk"] > 1.5e9,
    )


def _own_rows(ours: Figures) -> Iterator[Row]:
    for name, key, shown, goal, limit in (
        ("call in the same process", "task call", _micros, "< 15 µs", 15e-6),
        ("start until the first reply", "start", _millis, "< 5 ms", 5e-3),
        ("start of 100 at once", "crowd", _millis, "< 400 ms", 0.4),
        ("memory of each (PSS)", "memory", _megabytes, "< 5 MB", 5e6),
        ("cancel until the method sees it", "cancel", _millis, "< 5 ms", 5e-3),
        ("SIGKILL until 1,000 calls raised", "all raised", _millis, "< 50 ms", 0.05),
        ("SIGKILL until the next answers", "replaced", _millis, "< 50 ms", 0.05),
    ):
        yield Row(name, shown(ours[key]), goal=goal, is_met=ours[key] < limit)


def _rows_of_others(ours: Figures, outcomes: dict[str, Outcome]) -> Iterator[Row]:
    for figure, key, shown, others, goal in (
        ("round trip", "median", _micros, (FUTURES, TRACTOR, RAY), 1.0),
        ("pipelined", "pipelined", _rate, (FUTURES, TRACTOR, RAY), 1.0),
        ("start", "start", _millis, (FORKSERVER,), _FASTER_THAN_FORKSERVER),
        ("start", "start", _millis, (TRACTOR, RAY), 1.0),
        *((f"map by {chunk}", f"map by {chunk}", _millis, (FUTURES,), 1.0) for chunk in CHUNKS),
    ):
        for name in (other.name for other in others):
            theirs, value = outcomes[name].figures, shown(ours[key])
            if key not in theirs:
                yield Row(figure, value, f"{name}: {outcomes[name].problem}")
                continue
            # Of a rate more is better, of seconds less.
            times = ours[key] / theirs[key] if shown is _rate else theirs[key] / ours[key]
            compared = f"{name} {shown(theirs[key])}"
            title = f"{figure}, times as good"
            yield Row(title, value, compared, times, f"> {goal:g}", times > goal)


def _micros(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs"


def _millis(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def _rate(value: float) -> str:
    return f"{value:,.0f}/s"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.2f} MB"
