"""``python -m tests.logs.killing``: whoever stores output is killed again and again, for minutes.

The tests do the same for a moment.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from supctl.logs.file import INTERRUPTED
from tests.logs.numbered import files_of, line_of, verify

PROGRAMS = Path(__file__).parents[1] / "programs"
SECONDS, RATE = 60, 100_000
"""How long it lasts, and lines that the app writes a second."""


def store_by_killed(
    folder: Path, mode: str, max_size: int, *, total: int, longest: float, most: int
) -> list[Path]:
    """Have an app count to ``total`` while those who store that are killed; return the files.

    ``most`` are killed at the most, and each has lived ``longest`` seconds at the most.
    """
    count = [sys.executable, "-SI", str(PROGRAMS / "number_lines.py"), str(total), str(RATE)]
    store = [sys.executable, str(PROGRAMS / "killed_captures.py"), str(folder), mode]
    with (
        subprocess.Popen(count, stdout=subprocess.PIPE) as counter,
        subprocess.Popen(
            [*store, str(max_size), str(longest), str(most)],
            stdin=counter.stdout,
            stdout=subprocess.PIPE,
        ) as storing,
    ):
        assert counter.stdout is not None
        counter.stdout.close()
        assert counter.wait() == 0
        said, _ = storing.communicate()
    assert int(said) > 10
    return files_of(folder / "app.out.log")


def verify_lines(files: list[Path], total: int, mode: str) -> int:
    """Prove that no line is missing or torn unseen; return how many have been repeated."""
    expected = repeated = 0
    for file in files:
        for line in file.read_bytes().splitlines(keepends=True):
            if line.endswith(INTERRUPTED):
                continue
            text = _text(line, mode)
            number = int(text[:9])
            assert number <= expected, f"{file}: {number} in place of {expected}"
            assert text == line_of(number), f"{file}: {text!r} is torn"
            repeated += number < expected
            expected = max(expected, number + 1)
    assert expected == total
    return repeated


def _text(line: bytes, mode: str) -> bytes:
    if mode == "json":
        return line.partition(b'"text":"')[2].removesuffix(b'"}\n')
    return line.partition(b" ")[2].removesuffix(b"\n")


def main() -> None:
    """Prove it for a minute in each mode, and tell."""
    for mode, max_size in (("raw", 0), ("raw", 2**20), ("timestamped", 2**20), ("json", 2**20)):
        with tempfile.TemporaryDirectory() as folder:
            total = SECONDS * RATE
            files = store_by_killed(
                Path(folder), mode, max_size, total=total, longest=0.1, most=20 * SECONDS
            )
            if mode == "raw":
                verify(files, total)
                print(f"raw: {total:,} lines in {len(files)} files: none lost, doubled or torn")
            else:
                repeated = verify_lines(files, total, mode)
                print(f"{mode}: {total:,} lines: none lost or torn, {repeated:,} repeated")


if __name__ == "__main__":
    main()
