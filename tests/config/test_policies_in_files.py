"""Files say what operators rely on: limits, codes, stops, what is essential."""

from __future__ import annotations

import signal
from pathlib import Path
from textwrap import dedent

import pytest

from supctl.config import load
from supctl.config.mistakes import ConfigErrors
from supctl.specs import App, Exhausted, Restart, Stop, Supervisor

ENVIRON = {"PATH": "/usr/bin:/bin"}


def root_of(tmp_path: Path, text: str) -> Supervisor:
    path = tmp_path / "supctl.toml"
    path.write_text(dedent(text))
    return load(path, ENVIRON).root


def app_of(tmp_path: Path, keys: str) -> App:
    (app,) = root_of(tmp_path, f"[apps.a]\ncommand = 'sleep 1'\n{keys}\n").children
    assert isinstance(app, App)
    return app


def test_limits_of_one_app(tmp_path: Path) -> None:
    app = app_of(tmp_path, "max_restarts = 5\nwithin = '2m'\nexhausted = 'keep_trying'")
    assert (app.max_restarts, app.within, app.exhausted) == (5, 120.0, Exhausted.KEEP_TRYING)
    assert app_of(tmp_path, "max_restarts = 5").within == 60.0


def test_ends_that_mean_something_else(tmp_path: Path) -> None:
    app = app_of(tmp_path, "stop_exit_codes = [0, 3]\nmin_uptime = '5s'\nessential = true")
    assert (app.stop_exit_codes, app.min_uptime, app.essential) == ((0, 3), 5.0, True)
    assert app_of(tmp_path, "stop_exit_codes = 3").stop_exit_codes == (3,)


@pytest.mark.parametrize(
    ("word", "restart", "stays_stopped"),
    [
        ("always", Restart.PERMANENT, False),
        ("on-failure", Restart.TRANSIENT, False),
        ("never", Restart.TEMPORARY, False),
        ("unless-stopped", Restart.PERMANENT, True),
    ],
)
def test_restart_words(tmp_path: Path, word: str, restart: Restart, stays_stopped: bool) -> None:
    app = app_of(tmp_path, f"restart = '{word}'")
    assert (app.restart, app.stays_stopped) == (restart, stays_stopped)


def test_a_stop_is_the_default_of_all_below_key_by_key(tmp_path: Path) -> None:
    root = root_of(
        tmp_path,
        """
        [supervisor]
        stop = { grace = "30s", force = "2s" }
        [apps.plain]
        command = "sleep 1"
        [apps.own]
        command = "sleep 1"
        stop = { signal = "INT" }
        [apps.web]
        stop = { grace = "1s" }
        [apps.web.apps.deep]
        command = "sleep 1"
        """,
    )
    plain, own, web = root.children
    assert isinstance(plain, App)
    assert isinstance(own, App)
    assert isinstance(web, Supervisor)
    (deep,) = web.children
    assert isinstance(deep, App)
    assert plain.stop == Stop(grace=30, force=2)
    assert own.stop == Stop(signal.SIGINT, 30, 2)
    assert deep.stop == web.stop == Stop(grace=1, force=2)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("within = '5s'", "apps.a.within is 5.0; wanted max_restarts with it"),
        (
            "exhausted = 'shut_down'",
            "apps.a.exhausted is 'shut_down'; wanted a limit to restarts with it",
        ),
        (
            "max_restarts = 3\nexhausted = 'shutdown'",
            "apps.a.exhausted is 'shutdown'; wanted one of stop, keep_trying, shut_down "
            "(did you mean 'shut_down'?)",
        ),
        (
            "stop_exit_codes = [0, 256]",
            "apps.a.stop_exit_codes is [0, 256]; wanted exit codes from 0 to 255, such as [0, 3]",
        ),
        ("stop = { force = 0 }", "apps.a.stop.force is 0.0; wanted more than 0 seconds"),
        ("essential = 'yes'", "apps.a.essential is 'yes'; wanted true or false"),
    ],
)
def test_mistakes(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        app_of(tmp_path, keys)
    assert str(caught.value) == f"{tmp_path}/supctl.toml: {said}"


def test_how_failed_starts_are_borne(tmp_path: Path) -> None:
    root = root_of(
        tmp_path,
        """
        [supervisor]
        start_failures = "escalate"
        [apps.s.apps.a]
        command = "sleep 1"
        """,
    )
    (nested,) = root.children
    assert isinstance(nested, Supervisor)
    assert (root.start_failures, nested.start_failures) == ("escalate", "retry")
