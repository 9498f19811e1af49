"""The examples of docs/policies.md are true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from supctl.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
FILES = re.findall(r"^```toml\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("text", "shown"), FILES, ids=lambda it: it[:20])
def test_files_mean_what_is_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("supctl.toml").write_text(text)
    head, _, tree = CliRunner().invoke(main, ["check"]).stdout.partition("\n")
    assert head == "supctl.toml (TOML)"
    assert tree == shown.replace("root:", f"{tmp_path.name}:")


def test_python_does_what_is_said(tmp_path: Path) -> None:
    assert len(FILES) == PAGE.count("```toml") == 2
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "test_docs.py").write_text(code)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntrio_mode = true\n")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_ADDOPTS": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
