"""The examples of docs/actors.md print what is shown there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "actors.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_examples_print_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 16
    names: dict[str, Any] = {"__name__": "docs"}
    for (kind, text), (next_kind, shown) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "python":
            exec(compile(text, str(PAGE), "exec"), names)
            assert capsys.readouterr().out == (shown if next_kind == "text" else "")
