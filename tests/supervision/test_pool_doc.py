"""The examples of docs/pool.md are true."""

from __future__ import annotations

from pathlib import Path

from tests.documents import check_examples, page


def test_examples_are_true(tmp_path: Path) -> None:
    check_examples(page("pool.md"), tmp_path, count=4)
