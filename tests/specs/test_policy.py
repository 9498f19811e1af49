"""Back-off against its formulas, intensity against its history, and what specs refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl import App, Backoff, Limits, Stop, Supervisor, Worker
from supctl.errors import InvalidConfig
from supctl.specs import Intensity, Jitter
from supctl.supervision.window import RestartWindow

SECONDS = st.floats(0.001, 1000)
FRACTIONS = st.floats(0, 1, exclude_max=True)


@st.composite
def backoffs(draw: st.DrawFn, jitter: Jitter) -> Backoff:
    initial = draw(SECONDS)
    return Backoff(initial, draw(st.floats(1, 10)), initial + draw(SECONDS), jitter)


def ceiling(backoff: Backoff, n: int) -> float:
    grown = backoff.initial
    for _ in range(n):
        grown = min(grown * backoff.factor, backoff.maximum)
    return grown


@given(backoffs(Jitter.NONE), st.integers(0, 40))
def test_without_jitter_it_is_the_ceiling(backoff: Backoff, n: int) -> None:
    delay = backoff.delay(n, 0.0, lambda: 0.7)
    assert delay == pytest.approx(ceiling(backoff, n))
    assert delay <= backoff.delay(n + 1, 0.0, lambda: 0.7) <= backoff.maximum


@given(backoffs(Jitter.FULL), st.integers(0, 40), FRACTIONS)
def test_full_jitter_is_uniform_below_the_ceiling(
    backoff: Backoff, n: int, fraction: float
) -> None:
    delay = backoff.delay(n, 0.0, lambda: fraction)
    assert delay == pytest.approx(ceiling(backoff, n) * fraction)


@given(backoffs(Jitter.EQUAL), st.integers(0, 40), FRACTIONS)
def test_equal_jitter_keeps_half(backoff: Backoff, n: int, fraction: float) -> None:
    half = ceiling(backoff, n) / 2
    assert backoff.delay(n, 0.0, lambda: fraction) == pytest.approx(half + half * fraction)


@given(backoffs(Jitter.DECORRELATED), st.lists(FRACTIONS, min_size=1, max_size=30))
def test_decorrelated_jitter_grows_from_the_delay_before(
    backoff: Backoff, fractions: list[float]
) -> None:
    before = 0.0
    for n, fraction in enumerate(fractions):
        delay = backoff.delay(n, before, lambda fraction=fraction: fraction)  # type: ignore[misc]
        upper = 3 * (before if n else backoff.initial)
        assert backoff.initial <= delay <= min(backoff.maximum, max(upper, backoff.initial))
        before = delay


def test_a_count_beyond_all_floats_is_the_maximum() -> None:
    assert Backoff(jitter=Jitter.NONE).delay(10**6, 0.0, lambda: 0.5) == 30.0


@given(
    st.lists(st.floats(0, 3), max_size=40),
    st.integers(0, 5),
    st.sampled_from([0.5, 1.0, 5.0]),
)
def test_window_is_what_the_whole_history_says(
    pauses: list[float], limit: int, within: float
) -> None:
    window = RestartWindow(Intensity(limit, within))
    admitted: list[float] = []
    now = 0.0
    for pause in pauses:
        now += pause
        expected = sum(at >= now - within for at in admitted) < limit
        assert window.add(now) is expected
        if expected:
            admitted.append(now)


def app(**keys: Any) -> Callable[[], object]:
    return lambda: App(**{"name": "a", "command": ["x"], **keys})


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (app(name=""), "name"),
        (app(name="a/b"), "name"),
        (app(name="-a"), "name"),
        (app(name="a:1"), "name"),
        (app(name="x" * 129), "name"),
        (app(command=[]), "command"),
        (app(command=[""]), "command"),
        (app(command="sleep 1"), "command"),
        (app(command=["a\0b"]), "command"),
        (app(env={"": "x"}), "env"),
        (app(env={"A=B": "x"}), "env"),
        (app(env={"A": "x\0"}), "env.A"),
        (app(env={"A": 1}), "env.A"),
        (app(restart="sometimes"), "restart"),
        (app(give_up_after=-1), "give_up_after"),
        (app(instances=0), "instances"),
        (app(umask=0o1000), "umask"),
        (app(nice=20), "nice"),
        (app(rlimits={"nofile": (5, 4)}), "rlimits.nofile"),
        (app(rlimits={"nofile": (-2, 4)}), "rlimits.nofile"),
        (lambda: Stop(signal=999), "signal"),
        (lambda: Stop(grace=-1), "grace"),
        (lambda: Stop(grace=math.nan), "grace"),
        (lambda: Stop(grace=math.inf), "grace"),
        (lambda: Limits(memory=0), "memory"),
        (lambda: Limits(cpu=0), "cpu"),
        (lambda: Limits(cpu=math.nan), "cpu"),
        (lambda: Limits(pids=0), "pids"),
        (lambda: Backoff(initial=-1), "initial"),
        (lambda: Backoff(factor=0.5), "factor"),
        (lambda: Backoff(factor=math.nan), "factor"),
        (lambda: Backoff(initial=5, maximum=4), "maximum"),
        (lambda: Backoff(jitter="much"), "jitter"),  # type: ignore[arg-type]
        (lambda: Backoff(reset_after=-1), "reset_after"),
        (lambda: Intensity(max_restarts=-1), "max_restarts"),
        (lambda: Intensity(within=0), "within"),
        (lambda: Intensity(within=math.nan), "within"),
        (lambda: Worker("w", "no-colon"), "actor"),
        (lambda: Worker("w", "m:C", isolation="process"), "isolation"),
        (lambda: Worker("w", "m:C", grace=-1), "grace"),
        (lambda: Supervisor("s", strategy="all"), "strategy"),
        (lambda: Supervisor("s", [App("a", ["x"]), App("a", ["y"])]), "children"),
        (lambda: Supervisor("s", ["a"]), "children"),  # type: ignore[list-item]
        (lambda: Supervisor("s", strategy="one_for_all", start="concurrent"), "start"),
        (lambda: Supervisor("s", max_restarts=-1), "max_restarts"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_when_it_is_made(
    make: Callable[[], object], field: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        make()
    assert caught.value.field == field
    assert "wanted" in str(caught.value)


def test_specs_are_values() -> None:
    def make() -> Supervisor:
        return Supervisor("s", [App("a", ["x"], env={"A": "1"}), Worker("w", "m:C")])

    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != Supervisor("s", [App("a", ["x"], env={"A": "2"}), Worker("w", "m:C")])
    with pytest.raises(AttributeError):
        make().name = "t"  # type: ignore[misc]
    (spec, _) = make().children
    assert isinstance(spec, App)
    with pytest.raises(TypeError):
        spec.env["B"] = "2"  # type: ignore[index]
