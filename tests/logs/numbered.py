"""Verifies files of numbered lines: no gap, no repeat, no torn line."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

from supctl.logs.rotated import rotated_files


def files_of(path: Path) -> list[Path]:
    """Return the rotated files of a log, the oldest first, and the present one."""
    return [*(it.path for it in rotated_files(path)), *([path] if path.exists() else [])]


def line_of(number: int) -> bytes:
    """Return what the app writes for a number, without the line's end."""
    return b"%09d %s" % (number, b"x" * (number * 7919 % 90))


def verify(files: Iterable[Path], total: int) -> int:
    """Prove that ``files`` hold the lines 0 to ``total`` - 1; return how many files there are."""
    expected = count = 0
    for path in files:
        count += 1
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        assert not data or data.endswith(b"\n"), f"{path} ends within a line"
        for line in data.splitlines():
            wanted = line_of(expected)
            assert line == wanted, f"{path}: {line[:30]!r} in place of {wanted[:30]!r}"
            expected += 1
    assert expected == total, f"{total - expected} lines are missing at the end"
    return count
