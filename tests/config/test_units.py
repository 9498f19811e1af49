from __future__ import annotations

import math
import signal
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config.units import parse_cpu, parse_duration, parse_signal, parse_size
from supctl.errors import InvalidConfig

Parse = Callable[[str, object], float]
ANYTHING = st.one_of(
    st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.integers())
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1.5s", 1.5),
        ("100ms", 0.1),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1d", 86400.0),
        ("1h30m", 5400.0),
        ("0s", 0.0),
        ("10", 10.0),
        (0, 0.0),
        (2.5, 2.5),
    ],
)
def test_durations(written: Any, seconds: float) -> None:
    assert parse_duration("within", written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        *("", "soon", "-1s", "5 s", "1.s", "1e3", "1w", "5S"),
        *(-1, math.nan, math.inf, True, None, [], {}),
        *("٣s", "9" * 400, 10**400),  # an Arabic three, and what overflows a float
    ],
)
def test_bad_durations_are_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig, match=r"^within is .*; wanted a duration such as"):
        parse_duration("within", written)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("512M", 512 * 2**20),
        ("512m", 512 * 2**20),
        ("1.5G", 3 * 2**29),
        ("64K", 65536),
        ("64KB", 65536),
        ("64 KiB", 65536),
        ("2T", 2**41),
        ("100B", 100),
        ("100", 100),
        (100, 100),
        (2**63 - 1, 2**63 - 1),
        (str(2**63 - 1), 2**63 - 1),
    ],
)
def test_sizes(written: Any, size: int) -> None:
    assert parse_size("memory", written) == size


@pytest.mark.parametrize(
    "written",
    [
        *("", "M", "lots", "-1M", "1X", "1 M B", "50%", "9999999T", "9" * 5000),
        *(1.5, -1, True, None, [], 2**63),
    ],
)
def test_bad_sizes_are_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig, match=r"^memory is .*; wanted a size such as"):
        parse_size("memory", written)


@pytest.mark.parametrize(
    ("written", "processors"), [("50%", 0.5), ("150 %", 1.5), ("2", 2.0), (0.5, 0.5), (3, 3.0)]
)
def test_cpu(written: Any, processors: float) -> None:
    assert parse_cpu("cpu", written) == processors


@pytest.mark.parametrize("written", ["", "%", "half", "0%", 0, -1, math.nan, math.inf, True, None])
def test_bad_cpu_is_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig, match=r"^cpu is .*; wanted processors"):
        parse_cpu("cpu", written)


@pytest.mark.parametrize("written", ["INT", "SIGINT", "int", 2, "2"])
def test_signals(written: Any) -> None:
    assert parse_signal("signal", written) == signal.SIGINT


@pytest.mark.parametrize("written", ["", "SIG", "NOPE", 0, -1, 1000, 2.5, True, None, [], "²"])
def test_bad_signals_are_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig, match=r"^signal is .*; wanted a signal of this system"):
        parse_signal("signal", written)


def test_a_signal_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(InvalidConfig, match=r"\(did you mean 'SIGTERM'\?\)$"):
        parse_signal("signal", "TREM")


@pytest.mark.parametrize("parse", [parse_duration, parse_size, parse_cpu, parse_signal])
@given(value=ANYTHING)
def test_parsers_return_a_number_or_refuse(parse: Parse, value: Any) -> None:
    try:
        parsed = parse("field", value)
    except InvalidConfig:
        return
    assert 0 <= parsed < math.inf
