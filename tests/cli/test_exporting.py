"""``supctl export``: files on standard output or in a directory, remarks beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from supctl.cli import exporting
from supctl.cli.main import main
from supctl.config.exports import KINDS


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("supctl.toml").write_text(
        """[apps.db]
command = ["sleep", "60"]
[apps.web]
command = ["sleep", "60"]
limits = { cpu = 0.5 }
"""
    )


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["export", *words])


def test_every_tool_may_be_named() -> None:
    assert exporting.KINDS == KINDS


def test_one_file_is_printed_as_it_is_and_remarks_apart_from_it() -> None:
    done = run("pm2")
    assert done.exit_code == 0
    assert done.stdout.startswith("module.exports = {")
    assert "supctl: apps.web.limits (left out): PM2 limits memory only\n" in done.stderr


def test_several_files_are_told_apart() -> None:
    names = [it for it in run("systemd").stdout.splitlines() if it.startswith("# ")]
    tree = Path.cwd().name
    assert names == [f"# {tree}-db.service", f"# {tree}-web.service", f"# {tree}.target"]


def test_files_are_written_into_a_directory_and_never_over_others() -> None:
    assert run("kubernetes", "-o", "made/here").exit_code == 0
    assert sorted(it.name for it in Path("made/here").iterdir()) == ["db.yaml", "web.yaml"]
    Path("made/here/web.yaml").write_text("mine")
    done = run("kubernetes", "-o", "made/here")
    assert done.exit_code == 2
    assert done.stderr.count("is there already") == 2
    assert Path("made/here/web.yaml").read_text() == "mine"
    assert run("kubernetes", "-o", "made/here", "--force").exit_code == 0
    assert Path("made/here/web.yaml").read_text() != "mine"


def test_json_holds_files_and_remarks() -> None:
    told = json.loads(run("compose", "supctl.toml", "--json").stdout)
    assert told["tool"] == "process-compose"
    assert list(told["files"]) == ["process-compose.yaml"]
    assert [it["place"] for it in told["remarks"]] == ["apps.web.limits"]


def test_an_unknown_tool_is_a_mistake() -> None:
    done = run("circus")
    assert done.exit_code == 2
    assert "'circus' is not one of 'systemd'" in done.stderr


def test_a_directory_that_cannot_be_made_is_a_mistake() -> None:
    Path("file").write_text("")
    done = run("compose", "-o", "file/below")
    assert done.exit_code == 2
    assert "file/below: not a directory" in done.stderr
