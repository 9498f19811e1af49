"""Commands are quick because they load little. What they load is held down here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .conftest import Desk, desk_in

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


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with a daemon."""
    with desk_in(tmp_path_factory.mktemp("serving")) as desk:
        desk.run("daemon", "start")
        yield desk


@pytest.mark.parametrize(
    "words",
    [["status", "--json"], ["status"], ["ping"], ["events"], ["logs"], ["daemon", "status"]],
)
def test_what_only_asks_loads_no_event_loop_and_nothing_heavy(
    serving: Desk, words: list[str]
) -> None:
    modules = modules_of(serving, *words)
    assert "msgpack" in modules
    assert not modules & _HEAVY


def test_the_quickest_command_loads_no_more_than_it_must(serving: Desk) -> None:
    modules = modules_of(serving, "status", "--json")
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
