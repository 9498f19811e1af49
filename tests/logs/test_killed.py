"""Whoever stores output may be killed at any moment, and another goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.logs.killing import store_by_killed, verify_lines
from tests.logs.numbered import verify

TOTAL = 100_000


def stored(folder: Path, mode: str, max_size: int) -> list[Path]:
    return store_by_killed(folder, mode, max_size, total=TOTAL, longest=0.05, most=40)


@pytest.mark.parametrize("max_size", [0, 65536])
def test_raw_bytes_are_stored_exactly_once(tmp_path: Path, max_size: int) -> None:
    verify(stored(tmp_path, "raw", max_size), TOTAL)


@pytest.mark.parametrize("mode", ["timestamped", "json"])
def test_a_line_is_repeated_at_worst(tmp_path: Path, mode: str) -> None:
    verify_lines(stored(tmp_path, mode, 2**20), TOTAL, mode)
