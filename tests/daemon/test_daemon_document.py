"""docs/daemon.md says what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from supctl.cli.daemon import daemon
from supctl.config.document import read_native
from supctl.daemon.admission import Access, read_admission

from .conftest import Desk

DOCUMENT = (Path(__file__).parents[2] / "docs" / "daemon.md").read_text()


def test_the_commands_are_those_that_are_there() -> None:
    told = set(re.findall(r"`supctl daemon (\w+)`", DOCUMENT))
    assert told == {name for name, it in daemon.commands.items() if not it.hidden}


def test_things_lie_where_it_says(desk: Desk) -> None:
    desk.run("daemon", "start")
    desk.run("start", desk.write("[apps.a]\ncommand = ['sleep', '1000']\n"))
    desk.run("kill", "--yes")
    desk.run("daemon", "start")
    rows = re.findall(r"^\| (.*) \| `\$SUPCTL_HOME(\S*)` \|", DOCUMENT, re.MULTILINE)
    assert len(rows) == 4
    for what, place in rows[:3]:
        for name in re.findall(r"`([\w.]+)`", what):
            assert (desk.base / place.strip("/") / name).exists()
    assert desk.home.settings == desk.base / "daemon.toml"


def test_its_file_lets_a_group_in(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(\[admit\].*?)```", DOCUMENT, re.DOTALL)
    path = tmp_path / "daemon.toml"
    path.write_text(text.replace("operators", "users"))
    assert read_admission(path).access is Access.READ


def test_its_tags_are_tags(tmp_path: Path) -> None:
    text, _ = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    root = read_native(tomllib.loads(text), "shop", tmp_path, {})
    assert root.children[0].tags == ("web", "critical")


def test_the_commands_of_startup_are_those_that_it_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(desk.directory))
    monkeypatch.setenv("LOGNAME", "jo")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (block,) = re.findall(r"\$ supctl startup\n(.*?)```", DOCUMENT, re.DOTALL)
    said = desk.run("startup", "--kind", "systemd")
    assert said == block.replace("/home/jo", str(desk.directory))
