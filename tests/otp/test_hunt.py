"""Scenarios of our own: they are valid, core and shell agree on them, and a bug is found, small.

`make test-otp-live` plays 5,000 of them against a live Erlang/OTP; here a few, where there is one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given, settings

from tests.otp import live, player, shell
from tests.otp.compare import ORACLE
from tests.otp.generate import scenarios
from tests.otp.hunt import Divergence, Tally, hunt
from tests.otp.language import read_scenarios
from tests.otp.oracle import Oracle


def events_of(scenario: str) -> str:
    """Play on the core, without the lines that come of it alone."""
    return "".join(
        line
        for line in player.trace_of(scenario).splitlines(keepends=True)
        if not line.startswith(("report ", "window "))
    )


@given(scenarios())
@settings(max_examples=100, deadline=None)
def test_each_is_one_scenario_of_the_language(text: str) -> None:
    (scenario,) = read_scenarios(text.splitlines())
    assert scenario.definitions["root"].is_supervisor
    played = player.trace_of(text)
    assert played.startswith("scenario drawn\n> start\n")
    assert played.endswith("end\n")


def test_core_and_shell_agree() -> None:
    tally = Tally()
    agreed = list(islice(hunt(events_of, shell.trace_of, tally, seed=3), 150))
    assert len(set(agreed)) > 100
    assert len(tally.features) > 100


def test_what_differs_is_made_small() -> None:
    def forgetful(scenario: str) -> str:
        """Play wrongly: nobody is ever stopped because of another."""
        return scenario.replace("rest_for_one", "one_for_one")

    with pytest.raises(Divergence) as caught:
        list(hunt(player.trace_of, lambda it: player.trace_of(forgetful(it)), Tally(), seed=2))
    assert "rest_for_one" in caught.value.scenario
    assert len(caught.value.scenario.splitlines()) <= 8
    assert "\n--- expected\n+++ got\n" in str(caught.value)


def test_a_player_that_breaks_differs() -> None:
    def broken(scenario: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(Divergence, match="ZeroDivisionError"):
        list(hunt(player.trace_of, broken, Tally(), seed=1))


@pytest.fixture
def oracle() -> Iterator[Oracle]:
    if not ORACLE.is_dir():
        pytest.skip("the oracle is not here: ../shared/otp")
    if not shutil.which("escript"):
        pytest.skip("no Erlang here; `make test-otp-live` installs it")
    with Oracle() as oracle:
        yield oracle


def test_we_agree_with_a_live_otp(oracle: Oracle, capsys: pytest.CaptureFixture[str]) -> None:
    assert live.compare(oracle.trace_of, 100, seed=5) == 0
    assert "100 scenarios agree" in capsys.readouterr().out


def test_a_divergence_from_otp_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert live.compare(lambda scenario: "trace none\nend\n", 100, seed=5) == 1
    told = capsys.readouterr().out
    assert "scenario drawn" in told
    assert "+++ got" in told
    assert "python tests/otp/live.py --examples 100 --seed 5" in told
