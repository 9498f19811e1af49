"""What plugins cost: a look at each directory, however many apps are in it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from supctl.config import load

ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}


def test_a_directory_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: Counter[str] = Counter()

    def lexists(path: str) -> bool:
        looks[path] += 1
        return exists(path)

    exists = os.path.lexists
    monkeypatch.setattr("os.path.lexists", lexists)
    apps = "".join(f"[apps.a{n}]\ncommand = 'sleep 1'\nenv = {{ N = '{n}' }}\n" for n in range(50))
    (tmp_path / "supctl.toml").write_text(apps)
    assert load(tmp_path, ENVIRON).enhancements == ()
    assert looks[f"{tmp_path}/.venv"] == 1
    assert max(looks.values()) == 1


def test_a_tool_is_asked_once_for_apps_that_it_sees_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    asked: list[Path] = []
    apps = "".join(f"[apps.a{n}]\ncommand = 'sleep 1'\nenv = {{ N = '{n}' }}\n" for n in range(50))
    (tmp_path / "supctl.toml").write_text(apps)

    def is_environment(directory: Path) -> bool:
        asked.append(directory)
        return (directory / "pyvenv.cfg").is_file()

    monkeypatch.setattr("supctl.config.plugins.python._is_environment", is_environment)
    (enhancement,) = load(tmp_path, ENVIRON).enhancements
    assert (len(enhancement.paths), asked) == (50, [tmp_path / ".venv"])
