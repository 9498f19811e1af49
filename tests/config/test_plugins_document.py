"""The examples of docs/plugins.md are true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from supctl.config import load
from supctl.config.plugins import register, unregister
from supctl.config.plugins.built_in import built_in
from supctl.specs import App
from tests.documents import blocks, page

PAGE = page("plugins.md")


def test_all_plugins_of_supctl_are_told_in_their_order(tmp_path: Path) -> None:
    told = re.findall(r"^\| `(\w+)` \| (\d+) \| (.*?) \|", PAGE, re.MULTILINE)
    for name, _, marks in told:
        for mark in re.findall(r"`([\w.-]+)`", marks.replace("`volta` in ", "")):
            (tmp_path / name / mark).mkdir(parents=True, exist_ok=True)
    there = built_in({}, [*tmp_path.iterdir()])
    assert [(it, int(number)) for it, number, _ in told] == sorted(
        ((it.name, it.priority) for it in there), key=lambda it: (it[1], it[0])
    )


def test_the_plugin_of_the_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(PAGE, "python")
    module: dict[str, Any] = {}
    exec(code, module)
    monkeypatch.setattr("socket.getfqdn", lambda: "host.corp.example")
    (tmp_path / "supctl.toml").write_text("[apps.a]\ncommand = 'sleep 1'\n")
    register(module["Proxy"]())
    try:
        (app,) = load(tmp_path, {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}).root.children
    finally:
        unregister("proxy")
    assert isinstance(app, App)
    assert dict(app.env or {})["HTTPS_PROXY"] == "http://proxy.corp.example:3128"


def test_files_mean_what_is_said_of_them() -> None:
    switched_off, announced = map(tomllib.loads, blocks(PAGE, "toml"))
    assert switched_off["apps"]["api"]["plugins"] is switched_off["defaults"]["plugins"] is False
    assert "supctl.config_plugins" in announced["project"]["entry-points"]
