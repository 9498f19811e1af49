"""``supctl check`` of a thousand apps: half a second, where Python itself takes a tenth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from benchmarks.files import FLOOR, check, children_cpu, compiled_in, seconds_of, write_files

_RATIO: Final = 10
"""Five were measured. Processor time, as the clock tells how busy the machine is."""

_HEAVY: Final = {
    *("trio", "yaml", "dotenv", "quickjs", "psutil", "rich", "socket", "subprocess"),
    "importlib.metadata",
}
_IMPORTED: Final = (
    "import sys; from supctl.cli.main import main; main(sys.argv[1:], standalone_mode=False); "
    "print(*sys.modules, file=sys.stderr)"
)


def test_a_file_of_a_thousand_apps_is_checked_at_once(tmp_path: Path) -> None:
    environ = compiled_in(tmp_path)
    as_toml, _ = write_files(tmp_path, 1000)
    ours = seconds_of(check(as_toml), 2, environ, children_cpu)
    assert ours < _RATIO * seconds_of(FLOOR, 2, environ, children_cpu)


@pytest.mark.parametrize("name", ["supctl.toml", "supctl.json"])
def test_what_reads_a_file_loads_nothing_that_it_does_not_need(tmp_path: Path, name: str) -> None:
    write_files(tmp_path, 3)
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED, "check", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not _HEAVY & set(done.stderr.split())
