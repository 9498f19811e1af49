"""Faults as they are written, and what they come to for one app."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.backends.chance import Exponential, Fixed
from supctl.backends.scripts import Program
from supctl.errors import InvalidConfig
from supctl.testing.rehearsal.fate import SLOW_START, START, Fate, Spells
from supctl.testing.rehearsal.faults import (
    DEFAULT_RATES,
    Fault,
    FaultPlan,
    fits,
    parse_faults,
    rate_text,
)

DAY = 86_400.0
NEVER = dict.fromkeys(Fault, 0.0)


# As they are written.


def test_nothing_said_is_everything_at_its_default() -> None:
    assert parse_faults([]) == FaultPlan(DEFAULT_RATES)
    assert set(DEFAULT_RATES) == set(Fault)


def test_a_list_says_which_faults_there_are() -> None:
    plan = parse_faults(["crash=2/h, hang", "api:crash=60/min"])
    assert plan.rates == {Fault.CRASH: 2 / 3600, Fault.HANG: DEFAULT_RATES[Fault.HANG]}
    assert plan.of("/web/db") == {**NEVER, **plan.rates}
    assert plan.of("/web/api:2") == {**NEVER, **plan.rates, Fault.CRASH: 1.0}
    assert str(plan) == "crash 2/h, hang 1/week; api: crash 60/min"


def test_overrides_alone_leave_the_defaults_and_the_last_one_counts() -> None:
    plan = parse_faults(["api:crash=1/h", "web/api:crash=0", "api:2:hang=.5/day"])
    assert plan.of("/db") == DEFAULT_RATES
    assert plan.of("/web/api:1")[Fault.CRASH] == 0
    assert plan.of("/other/api")[Fault.CRASH] == 1 / 3600
    assert plan.of("/web/api:2")[Fault.HANG] == 0.5 / DAY


@pytest.mark.parametrize(
    ("written", "address", "is_meant"),
    [
        ("api", "/web/api", True),
        ("/web/api", "/web/api", True),
        ("web/api", "/web/api:3", True),
        ("api:3", "/web/api:3", True),
        ("api:3", "/web/api:2", False),
        ("pi", "/web/api", False),
        ("web", "/web/api", False),
    ],
)
def test_names_of_apps(written: str, address: str, is_meant: bool) -> None:
    assert fits(written, address) is is_meant


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("crahs", "--faults is 'crahs'; wanted [APP:]FAULT[=RATE] with one of crash, hang, "
         "slow-start, spawn-failure (did you mean 'crash'?)"),
        ("", "--faults is ''; wanted [APP:]FAULT[=RATE] with"),
        ("crash=", "--faults crash is ''; wanted a rate such as"),
        ("crash=5", "--faults crash is '5'; wanted a rate such as"),
        ("crash=-1/h", "--faults crash is '-1/h'; wanted a rate such as"),
        ("crash=1/s", "--faults crash is '1/s'; wanted a rate such as"),
        ("crash=nan/h", "wanted a rate such as"),
        ("api:hang=61/min", "--faults api:hang is '61/min'; wanted at most one a second"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_sentence(text: str, told: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_faults([text])
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("written", "mend"),
    [("apo", "did you mean 'api'?"), ("zzz", "there are web/api:1, web/db")],
)
def test_an_unknown_app_is_met_with_those_there_are(written: str, mend: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_faults([f"{written}:crash"]).check(["/web/api:1", "/web/db"])
    assert caught.value.mend == mend


@given(st.floats(1e-7, 1.0))
def test_rates_are_told_in_a_unit_of_people(rate: float) -> None:
    number, _, unit = rate_text(rate).partition("/")
    assert float(number) >= 0.99 or unit == "week"
    assert parse_faults([f"crash={float(number):f}/{unit}"]).rates[Fault.CRASH] == pytest.approx(
        rate, rel=0.01, abs=1e-9
    )


# What they come to.


def fate(now: Callable[[], float] = lambda: 0.0, **rates: float) -> Fate:
    given = {Fault(name.replace("_", "-")): rate for name, rate in rates.items()}
    return Fate(7, "/web/api", NEVER | given, None, now)


def test_without_faults_it_runs_for_ever() -> None:
    program = fate()(0)
    assert (program.lifetime, program.hangs_after, program.fails_to_start) == (None, None, None)


def test_crashes_come_at_instants_that_depend_on_nothing_else() -> None:
    """An app that is down at such an instant is spared, and gets no other one for it."""
    at = [0.0]
    lives = fate(lambda: at[0], crash=1 / DAY)
    instants = []
    while at[0] < 100 * DAY:
        program = lives(0)
        assert program.lifetime is not None
        instants.append(at[0] + START + program.lifetime)
        at[0] = instants[-1]
    late = fate(lambda: 50 * DAY, crash=1 / DAY)(0)
    assert late.lifetime is not None
    following = next(instant for instant in instants if instant > 50 * DAY + START)
    assert 50 * DAY + START + late.lifetime == pytest.approx(following)
    assert 70 < len(instants) < 130


def test_other_apps_other_seeds_and_other_faults_are_independent() -> None:
    lone = fate(crash=1 / DAY)(0)
    among_others = fate(crash=1 / DAY, hang=1 / DAY)(0)
    assert among_others.lifetime == lone.lifetime
    others = [Fate(8, "/web/api", NEVER | {Fault.CRASH: 1 / DAY}, None, lambda: 0.0)(0)]
    others += [Fate(7, "/web/ap", NEVER | {Fault.CRASH: 1 / DAY}, None, lambda: 0.0)(0)]
    assert len({lone.lifetime, *(other.lifetime for other in others)}) == 3


def test_a_spawn_failure_is_a_crash_and_starts_that_fail_for_a_while() -> None:
    at = [0.0]
    lives = fate(lambda: at[0], spawn_failure=1 / DAY)
    first = lives(0)
    assert first.lifetime is not None
    at[0] = START + first.lifetime
    failing = lives(1)
    assert (failing.fails_to_start, failing.failed_stage) in [
        (errno.ENOENT, "program"),
        (errno.EAGAIN, "system"),
    ]
    assert failing.start_delay == START
    attempts = 1
    while lives(attempts).fails_to_start is not None:
        attempts, at[0] = attempts + 1, at[0] + 1.0
    assert attempts < 600


def test_a_slow_start_is_a_crash_and_starts_that_take_long() -> None:
    at = [0.0]
    lives = fate(lambda: at[0], slow_start=1 / DAY)
    first = lives(0)
    assert first.lifetime is not None
    at[0] = START + first.lifetime
    assert SLOW_START.least <= lives(1).start_delay <= SLOW_START.most
    at[0] += 61.0
    assert lives(2).start_delay == START


def test_the_very_first_start_goes_well() -> None:
    first, later = (fate(lambda: 1.5, spawn_failure=1.0, slow_start=1.0)(n) for n in (0, 1))
    assert (first.fails_to_start, first.start_delay) == (None, START)
    assert later.fails_to_start is not None


def test_a_hang_is_expected() -> None:
    expected: list[float] = []
    rates = NEVER | {Fault.HANG: 1 / DAY}
    program = Fate(7, "/a", rates, None, lambda: 10.0, expected.append)(0)
    assert program.hangs_after is not None
    assert expected == [pytest.approx(10.0 + START + program.hangs_after)]
    fate_without = Fate(7, "/a", NEVER, None, lambda: 0.0, expected.append)
    fate_without(0)
    assert expected[-1] == math.inf


def test_a_job_ends_well_unless_a_crash_comes_first() -> None:
    calm = Fate(7, "/a", NEVER, 60.0, lambda: 0.0)(0)
    assert calm == Program(lifetime=60.0, code=0, start_delay=START, stop_delay=calm.stop_delay)
    rough = Fate(7, "/a", NEVER | {Fault.CRASH: 1.0}, 60.0, lambda: 0.0)(0)
    assert rough.lifetime is not None
    assert rough.lifetime < 60.0
    assert (rough.code, rough.signal, rough.out_of_memory) != (0, None, False)


@given(st.integers(0, 1000), st.lists(st.floats(0, 50), max_size=30))
def test_spells_are_the_same_however_often_one_asks(seed: int, steps: list[float]) -> None:
    asked, now = Spells(0.1, Exponential(5.0), Random(seed)), 0.0
    for step in steps:
        now += step
        fresh = Spells(0.1, Exponential(5.0), Random(seed))
        assert asked.first_after(now) == fresh.first_after(now) > now
        assert asked.at(now) == fresh.at(now)


def test_spells_without_length_hold_nothing() -> None:
    spells = Spells(0.1, Fixed(0.0), Random(1))
    assert spells.at(spells.first_after(0.0)) is None
    assert Spells(0.0, Fixed(1.0), Random(1)).first_after(0.0) == math.inf
