"""Commands are quick because they load little. What they load is held down here."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .conftest import Desk

_HEAVY = {"trio", "psutil", "rich", "msgspec", "platformdirs", "supctl.specs"}

_PROGRAM = """
import sys
from supctl.cli.main import main
main(sys.argv[1:], standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""


def modules_of(desk: Desk, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        env=desk.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "words", [["status", "--json"], ["status"], ["ping"], ["events"], ["daemon", "status"]]
)
def test_what_only_asks_loads_no_event_loop_and_nothing_heavy(desk: Desk, words: list[str]) -> None:
    desk.run("daemon", "start")
    modules = modules_of(desk, *words)
    assert "msgpack" in modules
    assert not modules & _HEAVY


def test_the_quickest_command_loads_no_more_than_it_must(desk: Desk) -> None:
    desk.run("daemon", "start")
    modules = modules_of(desk, "status", "--json")
    assert not modules & {
        "pathlib",
        "subprocess",
        "difflib",
        "dataclasses",
        "supctl.control.launch",
    }


def test_help_loads_no_client(desk: Desk) -> None:
    program = "from supctl.cli.main import main; import sys; import atexit;"
    program += "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True
    )
    modules = set(done.stderr.split())
    assert "click" in modules
    assert not modules & (_HEAVY | {"msgpack", "socket", "json", "supctl.control"})
