"""``supctl save``, ``resurrect``, ``call`` and ``completion``, as an operator meets them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from .conftest import Desk

SHOP = """
[apps.db]
command = ["sleep", "1000"]

[apps.job]
command = ["sh", "-c", "test -e allowed && exec sleep 1000"]
backoff = { initial = "1ms", jitter = "none" }
give_up_after = 1
"""

COUNTER = """
from supctl import Actor

class Counter(Actor):
    def __init__(self):
        self.total = 0

    async def add(self, n):
        self.total += n
        return self.total

    async def echo(self, *args):
        return args
"""


def test_what_should_run_is_saved_and_its_place_told(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    desk.run("stop", "db")
    told = desk.json("save")
    assert told == {
        "path": str(desk.home.desired), "projects": ["shop"], "stopped": ["/shop/db"]
    }  # fmt: skip
    desk.home.desired.unlink()
    assert desk.run("save") == f"{desk.home.desired}: 1 project, 1 stopped\n"
    assert desk.home.desired.exists()


def test_what_has_failed_is_started_and_what_was_stopped_is_not(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    desk.run("stop", "db")
    desk.run("wait", "job", "--for", "stopped")
    assert desk.states()["/shop/job"] == "failed"
    (desk.directory / "allowed").touch()
    assert desk.run("resurrect") == "shop/job started\n"
    assert desk.states() == {"/shop": "running", "/shop/db": "stopped", "/shop/job": "running"}
    assert desk.run("resurrect") == "all that should run does\n"


def test_a_resurrection_starts_the_daemon(desk: Desk) -> None:
    (desk.directory / "allowed").touch()
    desk.run("start", desk.write(SHOP))
    desk.run("kill", "--yes")
    assert desk.run("resurrect") in ("shop is back\n", "all that should run does\n")
    assert set(desk.states().values()) == {"running"}


def test_actors_are_called(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.directory / "counting.py").write_text(COUNTER)
    monkeypatch.setenv("PYTHONPATH", f"{desk.directory}:{os.environ.get('PYTHONPATH', '')}")
    desk.run("start", desk.write('[apps.counter]\nactor = "counting:Counter"\n'))
    assert desk.run("call", "counter", "add", "5") == "5\n"
    assert desk.run("call", "shop/counter", "add", "-2") == "3\n"
    told = desk.run("call", "counter", "echo", "ü", '{"a": [1]}', "null")
    assert json.loads(told) == ["ü", {"a": [1]}, None]
    assert "subtract" in desk.run("call", "counter", "subtract", status=1)
    assert "nothing is called" in desk.run("call", "nobody", "add", status=1)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_how_to_complete(desk: Desk, shell: str) -> None:
    assert "_SUPCTL_COMPLETE" in desk.run("completion", shell)


def completions(desk: Desk, line: str) -> list[str]:
    """Return what the words of a line may be completed to, as bash asks for it."""
    asked = {"_SUPCTL_COMPLETE": "bash_complete", "COMP_WORDS": line}
    environ = {**desk.environ, **asked, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    program = "from supctl.cli.main import main; main(prog_name='supctl')"
    told = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True)
    assert told.stderr == b""
    return [word.partition(",")[2] for word in told.stdout.decode().split()]


def test_commands_and_names_are_completed(desk: Desk) -> None:
    assert completions(desk, "supctl stop d") == []  # no daemon, and none is started for this
    assert not desk.home.socket.exists()
    desk.run("start", desk.write(SHOP))
    assert completions(desk, "supctl des") == ["describe"]
    assert completions(desk, "supctl stop sh") == ["shop", "shop/db", "shop/job"]
    assert completions(desk, "supctl describe j") == ["job"]
    assert completions(desk, "supctl start sh") == ["shop", "shop/db", "shop/job", "sh"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_takes_what_it_is_told(desk: Desk) -> None:
    script = desk.run("completion", "bash") + "complete -p supctl"
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "_supctl_completion" in told.stdout
