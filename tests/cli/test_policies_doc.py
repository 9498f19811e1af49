"""The examples of docs/policies.md are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from supctl.cli.main import main
from tests.documents import check_examples, page

PAGE = page("policies.md")
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
    assert len(FILES) == PAGE.count("```toml") == 3
    check_examples(PAGE, tmp_path, count=1)
