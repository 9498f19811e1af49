"""``supctl rehearse``."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from supctl.cli.main import main

Rehearse = Callable[..., Result]

SHOP = Path(__file__).parents[2] / "examples" / "shop.toml"

MODULE = """
from supctl import App, Supervisor
tree = Supervisor("shop", [App("api", ["no-such-program"])], max_restarts=None)
strict = Supervisor("strict", tree.children, max_restarts=0)
class trees:
    inner = tree
other = 3
"""


@pytest.fixture
def rehearse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearse]:
    """Calls the command in a directory that holds a module of trees, 80 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"rehearsed_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)

    def call(*words: str) -> Result:
        return CliRunner().invoke(main, ["rehearse", *(it.replace("MODULE", name) for it in words)])

    yield call
    sys.modules.pop(name, None)


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """In processes of their own: other hash seeds, and no hypothesis that orders trio's tasks."""
    outputs, pictures = [], []
    for number in range(2):
        picture = tmp_path / f"{number}.svg"
        command = [sys.executable, "-m", "supctl", "rehearse", str(SHOP), "--seed", "7"]
        command += ["--hours", "50", "--faults", "crash=1/h,hang=1/h,spawn-failure=1/h"]
        env = {**os.environ, "PYTHONHASHSEED": str(number), "COLUMNS": "100"}
        done = subprocess.run(
            [*command, "--svg", str(picture)], env=env, capture_output=True, check=True
        )
        outputs.append(done.stdout)
        pictures.append(picture.read_bytes())
    assert outputs[0] == outputs[1]
    assert pictures[0] == pictures[1]
    assert b"back-office/mailer" in outputs[0]
    assert b"\x1b" not in outputs[0]


def test_a_file_is_rehearsed_and_says_how_to_repeat_it(rehearse: Rehearse) -> None:
    result = rehearse(str(SHOP), "--hours", "50", "--seed", "7", "--faults", "crash=1/h")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("shop: 50 hours, seed 7; stopping it all took ")
    assert lines[1] == "faults of each app: crash 1/h"
    repeat = f"supctl rehearse {SHOP} --hours 50 --seed 7 --faults crash=1/h"
    assert lines[-1] == f"The same again: {repeat}"


def test_the_documentation_shows_what_it_prints(rehearse: Rehearse) -> None:
    page = (SHOP.parents[1] / "docs" / "rehearsal.md").read_text()
    shown = page.partition("```console\n")[2].partition("```")[0].splitlines()
    command = shlex.split(shown[0])
    assert command[:3] == ["$", "supctl", "rehearse"]
    told = rehearse(str(SHOP), *command[4:]).stdout.splitlines()
    # The last line says the path as it was given.
    assert [line.rstrip() for line in told[:-1]] == shown[1:-1]


def test_the_documentations_test_holds() -> None:
    page = (SHOP.parents[1] / "docs" / "rehearsal.md").read_text()
    names: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], names)
    names["test_api_is_there_99_9_percent_of_its_time"]()


def test_json_is_one_document(rehearse: Rehearse) -> None:
    result = rehearse("MODULE:tree", "--json", "--hours", "100")
    told = json.loads(result.stdout)
    assert (told["tree"], told["good"], told["rehearsed_hours"]) == ("shop", True, 100.0)
    assert [app["address"] for app in told["apps"]] == ["/api"]
    assert told["apps"][0]["restarts"] == len(told["apps"][0]["outages"])
    assert told["verdict"]


def test_programs_of_a_file_need_not_be_here(rehearse: Rehearse, tmp_path: Path) -> None:
    text = '[apps.api]\ncommand = ["no-such-program"]\ncwd = "/nowhere"\n'
    (tmp_path / "far.toml").write_text(text)
    assert rehearse("far.toml", "--hours", "1").exit_code == 0


def test_a_tree_in_a_class_of_a_module(rehearse: Rehearse) -> None:
    assert rehearse("MODULE:trees.inner", "--hours", "1").exit_code == 0


def test_a_tree_that_gives_up_ends_with_status_1(rehearse: Rehearse) -> None:
    result = rehearse("MODULE:strict")
    assert result.exit_code == 1
    assert "The root gave up at hour " in result.stdout
    assert " of 1,000 hours, seed 1; " in result.stdout


def test_a_runtime_is_taken(rehearse: Rehearse) -> None:
    result = rehearse("MODULE:tree", "--runtime", "api=1h", "--hours", "10", "--faults", "crash=0")
    assert "api is taken for a job that is done after 1h" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["MODULE:other"], "wanted the place of a supctl.Supervisor (it is of type int)"),
        (["MODULE:none"], "wanted the place of a supctl.Supervisor (there is none)"),
        (["nowhere_at_all:x"], "wanted a module that can be imported (ModuleNotFoundError"),
        (["missing.toml"], "missing.toml: no such file or directory"),
        ([], "the current directory holds no file for supctl"),
        (["MODULE:tree", "--hours", "nan"], "--hours is nan; wanted more than 0"),
        (["MODULE:tree", "--hours", "0"], "--hours is 0.0; wanted more than 0"),
        (["MODULE:tree", "--faults", "crahs"], "did you mean 'crash'?"),
        (["MODULE:tree", "--faults", "ap:crash"], "wanted an app of this tree (did you mean 'api'"),
        (["MODULE:tree", "--runtime", "api"], "--runtime is 'api'; wanted APP=TIME"),
        (["MODULE:tree", "--runtime", "api=x"], "--runtime api is 'x'; wanted a duration"),
        (["MODULE:tree", "--runtime", "apu=1m"], "--runtime is 'apu'; wanted an app of this tree"),
        (["MODULE:tree", "--hours", "1", "--svg", "no/dir.svg"], "wanted a file that can be"),
    ],
)
def test_bad_input_is_one_sentence(rehearse: Rehearse, words: list[str], told: str) -> None:
    result = rehearse(*words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_nothing_is_written_but_the_picture(rehearse: Rehearse, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    rehearse("MODULE:tree", "--hours", "10", "--svg", "picture.svg")
    new = {path.name for path in set(tmp_path.iterdir()) - before}
    assert new - {"__pycache__"} == {"picture.svg"}
