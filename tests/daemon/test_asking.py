"""Commands ask before they do something to everything, and names are not taken for options."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from .conftest import Desk

SHOP = """
[apps.db]
command = ["sleep", "1000"]

[apps.web]
[apps.web.apps.api]
command = ["sh", "-c", "trap 'echo hup' HUP; echo up; while :; do sleep 0.05; done"]
instances = 2
ready = { output = "up" }
"""


def answered(desk: Desk, answer: str, *words: str) -> tuple[int, str]:
    """Run a command at a terminal where somebody types; return its status and what it said."""
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    done = subprocess.run(
        [sys.executable, "-m", "supctl", *words],
        cwd=desk.directory,
        env=desk.environ,
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=50,
    )
    os.close(ours)
    os.close(theirs)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (("stop", "all"), "Stop everything?"),
        (("stop", "--force", "*"), "Kill everything?"),
        (("restart", "db", "all"), "Restart everything?"),
        (("delete", "all"), "Stop and forget everything?"),
        (("signal", "HUP", "all"), "Send signal 1 to everything?"),
        (("pause", "/*"), "Pause everything?"),
        (("kill",), "Stop the daemon and everything?"),
    ],
)
def test_who_says_no_changes_nothing(desk: Desk, words: tuple[str, ...], question: str) -> None:
    desk.run("start", desk.write("[apps.db]\ncommand = ['sleep', '1000']\n"))
    before = desk.pid("db")
    status, said = answered(desk, "n\n", *words)
    assert (status, said.startswith(question)) == (1, True)
    assert desk.pid("db") == before
    assert desk.states() == {"/shop": "running", "/shop/db": "running"}


def test_who_says_yes_is_obeyed(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    assert answered(desk, "y\n", "stop", "all")[0] == 0
    assert desk.states()["/shop"] == "stopped"
    assert answered(desk, "", "start", "all")[0] == 0
    assert answered(desk, "", "restart", "all", "--yes")[0] == 0
    assert answered(desk, "", "stop", "db", "web")[0] == 0


def test_a_signal_for_a_supervisor_is_for_all_below(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    said = desk.run("signal", "HUP", "web")
    assert said == "shop/web/api:1 signalled\nshop/web/api:2 signalled\n"
    while desk.run("logs", "api").count("hup") != 2:
        pass


def test_a_name_may_look_like_an_option(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    assert "No such option" in desk.run("stop", "--db", status=2)
    assert "nothing is called '--db'" in desk.run("stop", "--", "--db", status=1)
    assert "nothing is called '-1'" in desk.run("wait", "--", "-1", status=1)
    assert set(desk.states().values()) == {"running", "ready"}


def test_a_pattern_means_all_or_nothing(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    assert "nothing is called 'x*'" in desk.run("stop", "db", "x*", status=1)
    assert "nothing is called '[ab'" in desk.run("stop", "[ab", status=1)
    assert desk.states()["/shop/db"] == "running"
    desk.run("start", "shop.toml", "--name", "other")
    said = desk.run("describe", "api*", status=1)
    assert "'api*' means /shop/web/api:1 and /shop/web/api:2 and /other" in said
    said = desk.run("stop", "api*")
    assert [line.split()[0] for line in said.splitlines()] == [
        f"{project}/web/api:{number}" for project in ("shop", "other") for number in (1, 2)
    ]
