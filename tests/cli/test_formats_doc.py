"""The example of docs/formats.md is true."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from supctl.cli.main import main
from tests.documents import blocks, page


def test_the_file_means_what_is_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,), (shown,) = blocks(page("formats.md"), "procfile"), blocks(page("formats.md"), "text")
    monkeypatch.chdir(tmp_path)
    Path("Procfile").write_text(text)
    said = CliRunner().invoke(main, ["check"])
    assert said.output == shown.replace("root:", f"{tmp_path.name}:")
