"""The last lines of an app, and figures about its output."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from supctl.logs.meter import Latencies, Meter
from supctl.logs.ring import LINES, Ring


@given(st.lists(st.binary(max_size=30), max_size=30))
def test_lines_do_not_depend_on_how_they_were_cut(pieces: list[bytes]) -> None:
    ring = Ring()
    for piece in pieces:
        ring.add("stdout", 1.0, piece)
    lines = b"".join(pieces).split(b"\n")
    if not lines[-1]:
        del lines[-1]
    *whole, last = lines or [b""]
    wanted = [line.removesuffix(b"\r") for line in whole]
    found = [line.text for line in ring.lines()]
    assert [it.removesuffix(b"\r") for it in found] == [
        *wanted, *([last.removesuffix(b"\r")] if lines else [])
    ]  # fmt: skip


def test_streams_are_told_apart_and_kept_in_order() -> None:
    ring = Ring()
    for at, (stream, data) in enumerate([
        ("stdout", b"one, "), ("stderr", b"oops\n"), ("stdout", b"to its end\ntwo"),
    ]):  # fmt: skip
        ring.add(stream, float(at), data)
    assert [(it.stream, it.at_wall, it.text) for it in ring.lines()] == [
        ("stderr", 1.0, b"oops"),
        ("stdout", 0.0, b"one, to its end"),
        ("stdout", 2.0, b"two"),
    ]


def test_it_is_bounded_whatever_comes() -> None:
    for pieces in ([b"x\n"] * 100_000, [b"x"] * 100_000, [b"x" * 65536 + b"\n"] * 20):
        ring = Ring()
        tracemalloc.start()
        for number, piece in enumerate(pieces):
            ring.add("stdout" if number % 3 else "stderr", 1.0, piece)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert used < 150_000
        assert 0 < len(ring.lines()) <= LINES


def test_last_lines_are_the_last() -> None:
    ring = Ring()
    for number in range(1000):
        ring.add("stdout", 1.0, b"%d\n" % number)
    assert [it.text for it in ring.lines()] == [b"%d" % number for number in range(800, 1000)]


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=50), st.floats(0.01, 1))
def test_quantiles_are_right_to_a_factor_of_two(taken: list[int], part: float) -> None:
    latencies = Latencies()
    for nanoseconds in taken:
        latencies.note(nanoseconds)
    true = sorted(taken)[max(0, -int(-part * len(taken) // 1) - 1)] / 1e9
    found = latencies.quantile(part)
    assert found is not None
    assert true <= found <= max(2 * true, 2e-6) + 1e-9
    assert Latencies().quantile(part) is None


def test_lines_of_a_flood_are_estimated() -> None:
    meter = Meter()
    line = b"%63d\n" % 1
    meter.came(line * 10, 640)
    assert meter.lines == 10
    meter.came(line * 1024, 65536)
    assert (meter.lines, meter.size) == (1034, 64 * 1034)
    meter.came(line * 512, 131072)  # the end of it only
    assert (meter.lines, meter.size) == (3082, 64 * 3082)
