"""``supctl import``: the report, and the file that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from supctl.cli.main import main
from supctl.config import load

TEXT = """
version: "3"
processes:
  web:
    command: echo hello
    description: what customers see
    availability: {restart: on_failure, max_restarts: 3}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("process-compose.yaml")
    path.write_text(TEXT)
    return path


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, words)])


def test_the_report_names_every_key_and_writes_nothing(file: Path) -> None:
    done = run()
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert lines[1] == ["KEY", "HERE", "IS", "WHY"]
    assert ["processes.web.command", "apps.web.command", "mapped"] in lines
    assert "processes.web.description" in done.stdout
    assert done.stdout.endswith("keys: 3 mapped, 1 changed, 2 left out\n")
    assert [it.name for it in Path().iterdir()] == [file.name]


def test_json_says_the_same(file: Path) -> None:
    told = json.loads(run(file, "--json").stdout)
    assert (told["file"], told["format"], told["written"]) == (str(file), "process-compose", None)
    assert {
        "place": "processes.web.availability.max_restarts",
        "fate": "changed",
        "became": "apps.web.give_up_after",
        "detail": "it is counted anew after a minute of running",
    } in told["remarks"]


def test_a_file_is_written_with_what_differs_as_comments(file: Path) -> None:
    done = run(file, "-o", "supctl.toml")
    assert 'supctl.toml is written: "supctl check supctl.toml" shows what it says' in done.stdout
    text = Path("supctl.toml").read_text()
    assert text.startswith('# Made by "supctl import" of process-compose.yaml (process-compose).\n')
    assert "# processes.web.description is left out: supctl has no descriptions\n" in text
    assert load("supctl.toml").root == load(file).root


def test_a_file_that_is_there_is_kept_unless_forced(file: Path) -> None:
    target = Path("supctl.toml")
    target.write_text("mine")
    done = run(file, "-o", target)
    assert (done.exit_code, target.read_text()) == (2, "mine")
    assert "supctl.toml: is there already; wanted no such file (--force replaces it)" in done.stderr
    assert run(file, "-o", target, "--force").exit_code == 0
    assert target.read_text() != "mine"


def test_a_place_that_cannot_be_written_is_a_mistake(file: Path) -> None:
    done = run(file, "-o", "none/supctl.toml")
    assert done.exit_code == 2
    assert "none/supctl.toml: no such file or directory" in done.stderr


def test_a_dash_prints_the_file_and_nothing_else(file: Path) -> None:
    done = run(file, "-o", "-")
    Path("supctl.toml").write_text(done.stdout)
    assert load("supctl.toml", to_run_here=False).root == load(file).root


def test_a_file_with_mistakes_is_not_imported(file: Path) -> None:
    file.write_text("processes: {a: {}}")
    done = run(file, "-o", "supctl.toml")
    assert done.exit_code == 2
    assert "processes.a has no command" in done.stderr
    assert not Path("supctl.toml").exists()


def test_whoever_only_starts_it_is_told_of_the_report(file: Path) -> None:
    done = CliRunner().invoke(main, ["check", str(file)])
    assert (
        "note: of 6 keys 1 mean something else here, 2 nothing: "
        '"supctl import process-compose.yaml" tells which\n'
    ) in done.stdout
