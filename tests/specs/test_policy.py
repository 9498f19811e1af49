"""Back-off against its formulas and their distributions, intensity against its history."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl import Backoff
from supctl.errors import InvalidConfig
from supctl.specs import AutoShutdown, Intensity, Jitter, Restart, Start, StartRate, Strategy
from supctl.supervision.window import RestartWindow

SECONDS = st.floats(0.001, 1000)
FRACTIONS = st.floats(0, 1, exclude_max=True)
COUNTS = st.integers(0, 40) | st.integers(0, 10**9)


@st.composite
def backoffs(draw: st.DrawFn, jitter: Jitter | None = None) -> Backoff:
    initial = draw(SECONDS)
    chosen = jitter or draw(st.sampled_from(Jitter))
    return Backoff(initial, draw(st.floats(1, 10)), initial + draw(SECONDS), chosen)


def ceiling(backoff: Backoff, n: int) -> float:
    grown = backoff.initial
    for _ in range(n):
        grown = min(grown * backoff.factor, backoff.maximum)
    return grown


# Each formula.


@given(backoffs(Jitter.NONE), st.integers(0, 40))
def test_without_jitter_it_is_the_ceiling(backoff: Backoff, n: int) -> None:
    assert backoff.delay(n, 0.0, lambda: 0.7) == pytest.approx(ceiling(backoff, n))


@given(backoffs(Jitter.FULL), st.integers(0, 40), FRACTIONS)
def test_full_jitter_is_a_part_of_the_ceiling(backoff: Backoff, n: int, fraction: float) -> None:
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


# What holds for all.


@given(backoffs(), COUNTS, SECONDS, FRACTIONS)
def test_a_delay_is_never_negative_nor_above_the_maximum(
    backoff: Backoff, n: int, previous: float, fraction: float
) -> None:
    assert 0 <= backoff.delay(n, previous, lambda: fraction) <= backoff.maximum


@given(st.sampled_from([Jitter.NONE, Jitter.FULL, Jitter.EQUAL]), COUNTS, FRACTIONS, st.data())
def test_the_same_chance_never_makes_a_later_delay_shorter(
    jitter: Jitter, n: int, fraction: float, data: st.DataObject
) -> None:
    backoff = data.draw(backoffs(jitter))
    delay = backoff.delay(n, 0.0, lambda: fraction)
    assert delay <= backoff.delay(n + 1, 0.0, lambda: fraction) <= backoff.maximum


@given(backoffs(), SECONDS, SECONDS, FRACTIONS)
def test_the_first_delay_of_a_count_knows_nothing_of_the_one_before(
    backoff: Backoff, one: float, other: float, fraction: float
) -> None:
    assert backoff.delay(0, one, lambda: fraction) == backoff.delay(0, other, lambda: fraction)


@pytest.mark.parametrize("jitter", Jitter)
def test_an_initial_delay_of_zero_restarts_at_once(jitter: Jitter) -> None:
    assert Backoff(initial=0.0, jitter=jitter).delay(7, 5.0, lambda: 0.9) == 0.0


@pytest.mark.parametrize("factor", [1.0, 2.0, 1e308])
@pytest.mark.parametrize("n", [1, 10**6, 10**30])
def test_a_count_beyond_all_floats_is_the_maximum(factor: float, n: int) -> None:
    backoff = Backoff(1.0, factor, 1.7e308, Jitter.NONE)
    delay = backoff.delay(n, 0.0, lambda: 0.5)
    assert delay == (1.0 if factor == 1.0 else min(factor**n, 1.7e308) if n == 1 else 1.7e308)


# Distributions: "Exponential Backoff And Jitter" (Marc Brooker, AWS Architecture Blog, 2015).

SAMPLES = 5000
CRITICAL = 1.95 / math.sqrt(SAMPLES)
"""The Kolmogorov-Smirnov distance that one fair sample in a thousand exceeds; the seed is fixed."""

LATER = Backoff(initial=0.5, factor=2.0, maximum=20.0)
CEILING = 4.0
"""Of restart number 3 under ``LATER``."""


def delays(jitter: Jitter, n: int, previous: float = 0.0) -> list[float]:
    random = Random(7).random
    backoff = Backoff(LATER.initial, LATER.factor, LATER.maximum, jitter)
    return sorted(backoff.delay(n, previous, random) for _ in range(SAMPLES))


def distance(sample: Sequence[float], share_below: Callable[[float], float]) -> float:
    """Return the Kolmogorov-Smirnov distance between a sorted sample and a distribution."""
    size = len(sample)
    return max(
        max((rank + 1) / size - share_below(value), share_below(value) - rank / size)
        for rank, value in enumerate(sample)
    )


def uniform(low: float, high: float) -> Callable[[float], float]:
    return lambda value: min(1.0, max(0.0, (value - low) / (high - low)))


@pytest.mark.parametrize(
    ("jitter", "share_below"),
    [
        (Jitter.FULL, uniform(0, CEILING)),  # random_between(0, min(cap, base * 2 ** attempt))
        (Jitter.EQUAL, uniform(CEILING / 2, CEILING)),  # temp / 2 + random_between(0, temp / 2)
    ],
)
def test_distribution(jitter: Jitter, share_below: Callable[[float], float]) -> None:
    assert distance(delays(jitter, 3), share_below) < CRITICAL


@pytest.mark.parametrize("jitter", [Jitter.FULL, Jitter.EQUAL])
def test_the_distance_tells_distributions_apart(jitter: Jitter) -> None:
    """The test of the test: a range that is a tenth too wide is seen."""
    low = CEILING / 2 if jitter is Jitter.EQUAL else 0.0
    assert distance(delays(jitter, 3), uniform(low, CEILING * 1.1)) > CRITICAL


@pytest.mark.parametrize("previous", [0.5, 2.0, 6.0])
def test_distribution_of_one_decorrelated_step(previous: float) -> None:
    """``random_between(base, previous * 3)``, where the cap does not cut it off."""
    sample = delays(Jitter.DECORRELATED, 3, previous)
    assert distance(sample, uniform(0.5, 3 * previous)) < CRITICAL


def test_the_cap_takes_what_is_beyond_it() -> None:
    sample = delays(Jitter.DECORRELATED, 3, 10.0)  # up to 30, and the cap is 20
    capped = sample.count(20.0)
    assert capped / SAMPLES == pytest.approx((30 - 20) / (30 - 0.5), abs=0.02)
    assert distance(sample[: SAMPLES - capped], uniform(0.5, 20.0)) < 1.95 / math.sqrt(
        SAMPLES - capped
    )


@pytest.mark.parametrize("steps", [1, 2, 5, 12])
def test_distribution_of_a_decorrelated_chain(steps: int) -> None:
    """After so many restarts in a row, as a direct simulation of the formula of the source."""
    ours, theirs = Random(7), Random(8)
    backoff = Backoff(0.5, 2.0, 20.0, Jitter.DECORRELATED)

    def chain() -> float:
        delay = 0.0
        for n in range(steps):
            delay = backoff.delay(n, delay, ours.random)
        return delay

    def source() -> float:
        sleep = 0.5
        for _ in range(steps):
            sleep = min(20.0, theirs.uniform(0.5, sleep * 3))
        return sleep

    sample, wanted = [[make() for _ in range(SAMPLES)] for make in (chain, source)]
    assert min(sample) >= 0.5
    assert max(sample) <= min(20.0, 0.5 * 3**steps)
    mean, wanted_mean = sum(sample) / SAMPLES, sum(wanted) / SAMPLES
    deviation = math.sqrt(sum((value - wanted_mean) ** 2 for value in wanted) / SAMPLES)
    assert abs(mean - wanted_mean) < 4 * deviation * math.sqrt(2 / SAMPLES)
    for edge in (1.0, 2.0, 5.0, 10.0, 19.999):
        share, wanted_share = (
            sum(it <= edge for it in them) / SAMPLES for them in (sample, wanted)
        )
        assert abs(share - wanted_share) < CRITICAL * math.sqrt(2)


# Intensity.


def added_by_otp(entries: list[int], now: int, limit: int, period: int) -> bool:
    """Do what OTP's ``supervisor:add_restart/3`` does, to the letter (OTP-INT-01, -02)."""
    entries.insert(0, now)
    entries[:] = [entry for entry in entries if entry >= now - period]
    return len(entries) <= limit


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(0, 6), st.integers(1, 6))
def test_in_whole_seconds_the_window_is_that_of_otp(
    pauses: list[int], limit: int, period: int
) -> None:
    window, entries, now = RestartWindow(Intensity(limit, period)), list[int](), 0
    for pause in pauses:
        now += pause
        borne = window.add(now)
        assert borne is added_by_otp(entries, now, limit, period)
        if not borne:  # OTP's supervisor has ended here
            return
        assert window.count(now) == len(entries)


EIGHTHS = st.integers(0, 80).map(lambda eighths: eighths / 8)
"""Fractions of seconds that floats hold exactly."""


@given(
    st.lists(EIGHTHS | st.floats(0, 3), max_size=40),
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
        recent = sum(at >= now - within for at in admitted)
        assert window.count(now) == recent
        assert window.add(now) is (recent < limit)
        if recent < limit:
            admitted.append(now)


@given(st.integers(1, 6), EIGHTHS, EIGHTHS.filter(bool))
def test_the_edge_of_the_window_is_inside(limit: int, first_at: float, within: float) -> None:
    edge = first_at + within
    for now, borne in [(edge, False), (math.nextafter(edge, math.inf), True)]:
        window = RestartWindow(Intensity(limit, within))
        assert all(window.add(first_at) for _ in range(limit))
        assert window.count(now) == (0 if borne else limit)
        assert window.add(now) is borne


@given(st.lists(EIGHTHS, max_size=30))
def test_without_a_limit_everything_is_borne_and_nothing_remembered(pauses: list[float]) -> None:
    window = RestartWindow(Intensity(None, 5.0))
    assert all(window.add(pause) for pause in pauses)
    assert len(window) == 0


# What is refused when it is made.


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Backoff(initial=-1), "initial"),
        (lambda: Backoff(initial=math.inf, maximum=math.inf), "initial"),
        (lambda: Backoff(factor=0.5), "factor"),
        (lambda: Backoff(factor=math.nan), "factor"),
        (lambda: Backoff(factor=math.inf), "factor"),
        (lambda: Backoff(maximum=math.inf), "maximum"),
        (lambda: Backoff(initial=5, maximum=4), "maximum"),
        (lambda: Backoff(jitter="much"), "jitter"),  # type: ignore[arg-type]
        (lambda: Backoff(reset_after=-1), "reset_after"),
        (lambda: Backoff(reset_after=math.nan), "reset_after"),
        (lambda: Intensity(max_restarts=-1), "max_restarts"),
        (lambda: Intensity(within=0), "within"),
        (lambda: Intensity(within=-1), "within"),
        (lambda: Intensity(within=math.nan), "within"),
        (lambda: Intensity(within=math.inf), "within"),
        (lambda: StartRate(starts=0), "starts"),
        (lambda: StartRate(within=0), "within"),
        (lambda: StartRate(within=math.nan), "within"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(make: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        make()
    assert caught.value.field == field
    assert "wanted" in str(caught.value)


@pytest.mark.parametrize("word", [Restart, Strategy, Start, AutoShutdown, Jitter])
def test_a_wrong_word_is_told_the_right_ones(word: type[Restart]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        word.of("field", "nonsense")
    assert str(caught.value) == f"field is 'nonsense'; wanted one of {', '.join(word)}"
    assert all(word.of("field", str(member)) is member for member in word)
