"""``supctl import``: the report, and the file that it writes."""

from __future__ import annotations

import json
import subprocess
import sys
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


def test_whoever_only_starts_it_is_told_what_differs(file: Path) -> None:
    told = CliRunner().invoke(main, ["check", str(file)]).stdout
    assert "note: processes.web.description is left out: " in told
    assert "note: processes.web.availability.max_restarts: " in told
    assert told.index("availability.max_restarts") < told.index("processes.web.description")


def test_a_difference_of_many_apps_is_told_once(file: Path) -> None:
    apps = "".join(f"  app{n}: {{command: echo, is_tty: true}}\n" for n in range(9))
    file.write_text(f"processes:\n{apps}")
    told = CliRunner().invoke(main, ["check", str(file)]).stdout
    assert told.count("is_tty") == 2
    assert "processes.app0.is_tty, processes.app1.is_tty and 7 more" in told


def test_of_many_differences_the_first_are_told(file: Path) -> None:
    apps = "".join(f"  a b{n}: {{command: echo}}\n" for n in range(8))  # each has its own remark
    file.write_text(f"processes:\n{apps}")
    told = CliRunner().invoke(main, ["check", str(file)]).stdout
    assert told.count("cannot be part of an address") == 6
    assert (
        "note: 2 more of its keys or kinds of keys are not the same here: "
        '"supctl import process-compose.yaml" tells which\n'
    ) in told


@pytest.mark.parametrize("words", [["import", "Procfile"], ["export", "compose", "Procfile"]])
def test_neither_an_event_loop_nor_a_yaml_library_is_loaded(file: Path, words: list[str]) -> None:
    Path("Procfile").write_text("web: python3 app.py\n")
    program = "import atexit, sys; from supctl.cli.main import main; "
    program += "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
    )
    modules = set(done.stderr.split())
    assert "supctl.config.readers.procfile" in modules
    assert not modules & {"trio", "yaml", "quickjs", "psutil", "rich"}
