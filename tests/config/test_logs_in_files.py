"""Files say what becomes of output: for one app, and for all of them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from supctl.config import load
from supctl.config.mistakes import ConfigErrors
from supctl.specs import App, Log
from supctl.specs.log import Compress, Every, LogMode, LogTarget, WhenFull

ENVIRON = {"PATH": "/usr/bin:/bin"}


def logs_of(tmp_path: Path, text: str) -> dict[str, Log | None]:
    path = tmp_path / "supctl.toml"
    path.write_text(dedent(text))
    children = load(path, ENVIRON).root.children
    return {app.name: app.log for app in children if isinstance(app, App)}


def log_of(tmp_path: Path, keys: str) -> Log | None:
    return logs_of(tmp_path, f"[apps.a]\ncommand = 'sleep 1'\nlog = {{ {keys} }}\n")["a"]


def mistakes_of(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        logs_of(tmp_path, text)
    return [str(mistake).partition("supctl.toml: ")[2] for mistake in caught.value.mistakes]


def test_every_key(tmp_path: Path) -> None:
    keys = (
        "mode = 'json', file = 'logs/a.log', error_file = '/e.log', merged = true, sync = true,"
        "max_size = '1M', every = 'daily', at = 03:30:00, keep = 3, keep_for = '14d',"
        "keep_size = '1G', compress = 'gzip', when_full = 'drop', buffer = '2M', required = true"
    )
    assert log_of(tmp_path, keys) == Log(
        mode=LogMode.JSON,
        file=str(tmp_path / "logs/a.log"),
        error_file="/e.log",
        merged=True,
        max_size=2**20,
        every=Every.DAILY,
        at="03:30",
        keep=3,
        keep_for=14 * 86400.0,
        keep_size=2**30,
        compress=Compress.GZIP,
        sync=True,
        when_full=WhenFull.DROP,
        buffer=2 * 2**20,
        required=True,
    )
    assert log_of(tmp_path, "to = 'syslog', mode = 'json'") == Log(LogMode.JSON, LogTarget.SYSLOG)
    assert log_of(tmp_path, "together = true") == Log(together=True)


def test_limits_that_there_are_not(tmp_path: Path) -> None:
    keys = (
        "max_size = 'unlimited', keep = 'unlimited', keep_size = 'unlimited', keep_for = 'never',"
        "every = 'never', compress = 'no'"
    )
    assert log_of(tmp_path, keys) == Log(max_size=None, keep=None)


def test_what_the_file_says_for_all_is_completed_key_by_key(tmp_path: Path) -> None:
    logs = logs_of(
        tmp_path,
        """
        [log]
        mode = "timestamped"
        max_size = "1M"
        file = "all.log"

        [apps.a]
        command = "sleep 1"

        [apps.b]
        command = "sleep 1"
        log = { keep = 3, mode = "raw" }

        [apps.c]
        command = "sleep 1"
        log = { to = "syslog" }

        [apps.d]
        command = "sleep 1"
        log = { mode = "none" }
        """,
    )
    shared = str(tmp_path / "all.log")
    assert logs == {
        "a": Log(mode=LogMode.TIMESTAMPED, max_size=2**20, file=shared),
        "b": Log(max_size=2**20, file=shared, keep=3),
        "c": Log(mode=LogMode.TIMESTAMPED, to=LogTarget.SYSLOG),
        "d": Log(mode=LogMode.NONE),
    }


def test_apps_that_say_nothing_leave_it_to_the_tree(tmp_path: Path) -> None:
    assert logs_of(tmp_path, "[apps.a]\ncommand = 'sleep 1'\n") == {"a": None}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("mode = 'loud'", "mode is 'loud'; wanted one of raw, timestamped, json, none"),
        ("max_size = 'big'", 'max_size is \'big\'; wanted a size such as "50M", or "unlimited"'),
        ("keep = 'all'", "keep is 'all'; wanted a whole number, or \"unlimited\""),
        ("at = 3, every = 'daily'", 'at is 3; wanted a time of day such as "03:30"'),
        ("rotate = 3", "rotate is unknown; wanted one of mode, to, file"),
        (
            "keep_size = '1M'",
            "keep_size is 1048576; wanted at least max_size (52428800), or no rotated file could"
            " be kept",
        ),
        ("buffer = '1M'", "buffer is 1048576; wanted no buffer where when_full is block (say"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, keys: str, said: str) -> None:
    (mistake,) = mistakes_of(tmp_path, f"[apps.a]\ncommand = 'sleep 1'\nlog = {{ {keys} }}\n")
    assert mistake.startswith(f"apps.a.log.{said}")


def test_a_mistake_in_what_is_said_for_all_is_told_once(tmp_path: Path) -> None:
    text = "[log]\nkeep = -1\n[apps.a]\ncommand = 'sleep 1'\n[apps.b]\ncommand = 'sleep 1'\n"
    assert mistakes_of(tmp_path, text) == ["log.keep is -1; wanted 0 or more"]
    assert mistakes_of(tmp_path, "log = 3\n[apps.a]\ncommand = 'sleep 1'\n") == [
        "log is 3; wanted a table of keys and values"
    ]
