"""Lines of a time are found without reading all that came before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supctl.logs.format import stamp
from supctl.logs.reading import trail as module
from supctl.logs.reading.place import Place
from supctl.logs.reading.seeking import place_since
from supctl.logs.reading.trail import Trail
from supctl.logs.reading.window import Window

NOON = 1_800_000_000.0
LINES = 40_000


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 40,000 seconds, with a line for each."""
    path = tmp_path_factory.mktemp("logs") / "api.log"
    with path.open("wb") as file:
        for second in range(LINES):
            file.write(b"%s line %d%s\n" % (stamp(NOON + second), second, b"x" * (second % 50)))
    os.utime(path, (NOON + LINES, NOON + LINES))
    return path


@pytest.mark.parametrize("since", [-5, 0, 1, 10_000, 27_777.5, LINES - 1])
@pytest.mark.parametrize("count", [None, 5])
def test_what_is_wanted_is_found_and_no_more_is_read(
    log: Path, since: float, count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins: list[int] = []

    def spy(*args: object) -> int:
        begins.append(place_since(*args))  # type: ignore[arg-type]
        return begins[-1]

    monkeypatch.setattr(module, "place_since", spy)
    place = Place(str(log), "timestamped", False, (("/api", "stdout"),))
    trail = Trail(place, Window(since=NOON + since))
    seconds = [int(entry.text.split()[1].rstrip(b"x")) for entry in trail.history(count)]
    trail.close()
    wanted = [second for second in range(LINES) if second >= since]
    assert seconds == wanted[-(count or LINES) :]
    (begin,) = begins
    assert begin == 0 or log.read_bytes()[begin - 1 : begin] == b"\n"
    assert begin > (since - 2) / LINES * log.stat().st_size - 600_000


def test_where_times_are_not_known_all_is_read(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_bytes(b"line\n" * 200_000)
    trail = Trail(Place(str(path), "timestamped", False, (("/api", "stdout"),)), Window(since=1))
    assert sum(1 for _ in trail.history(None)) == 200_000
    trail.close()
