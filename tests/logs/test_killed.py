"""Whoever stores output may be killed at any moment, and another goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.logs.killing import store_by_killed, verify_lines
from tests.logs.numbered import verify


@pytest.mark.parametrize("max_size", [0, 65536])
def test_raw_bytes_are_stored_exactly_once(tmp_path: Path, max_size: int) -> None:
    files = store_by_killed(tmp_path, "raw", total=200_000, rate=100_000, max_size=max_size)
    verify(files, 200_000)


@pytest.mark.parametrize("mode", ["timestamped", "json"])
def test_a_line_is_repeated_at_worst(tmp_path: Path, mode: str) -> None:
    files = store_by_killed(tmp_path, mode, total=200_000, rate=100_000, max_size=2**20)
    verify_lines(files, 200_000, mode)
