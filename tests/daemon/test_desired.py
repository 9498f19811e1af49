"""What should run, in its file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from supctl.daemon.desired import Desired, DesiredFile, Project
from supctl.daemon.keeper import Keeper
from supctl.errors import InvalidConfig

SOME = Desired(
    {"shop": Project({"apps": {"a": {"command": ["ü", "\udcff"]}}}, "/x/shop.toml")}, {"/shop/a"}
)


@pytest.fixture
def file(tmp_path: Path) -> DesiredFile:
    return DesiredFile(tmp_path / "desired.json")


def test_what_was_saved_is_there(file: DesiredFile, tmp_path: Path) -> None:
    assert file.load() == Desired()
    file.save(SOME)
    assert file.load() == SOME
    assert [it.name for it in tmp_path.iterdir()] == ["desired.json"]
    assert (tmp_path / "desired.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"version": 2}', "version 2"),
        ("[]", r"version \[\]"),
        ('{"version": 1, "projects": {"a": 1}, "stopped": []}', "damaged"),
        ('{"version": 1, "proj', "no JSON"),
        ("", "no JSON"),
    ],
)
def test_what_is_not_understood_is_refused_and_left(
    file: DesiredFile, tmp_path: Path, text: str, why: str
) -> None:
    (tmp_path / "desired.json").write_text(text)
    with pytest.raises(InvalidConfig, match=why):
        file.load()
    assert (tmp_path / "desired.json").read_text() == text


def test_a_half_written_file_is_never_taken(file: DesiredFile, tmp_path: Path) -> None:
    file.save(SOME)
    (tmp_path / "desired.new").write_text('{"version": 1, "pro')  # killed while it saved
    assert file.load() == SOME
    file.save(Desired())
    assert file.load() == Desired()


FULL = """
import resource, signal, sys
from pathlib import Path
from supctl.daemon.desired import Desired, DesiredFile, Project
from supctl.errors import StorageFailed

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = DesiredFile(Path(sys.argv[1]))
file.save(Desired())
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    file.save(Desired({"shop": Project({"apps": {"a": {"command": ["x" * 100]}}})}))
except StorageFailed as error:
    sys.exit(0 if file.load() == Desired() and "nothing was changed" in str(error) else 3)
"""


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    # In a process of its own: our own output may be a file, too.
    command = [sys.executable, "-c", FULL, str(tmp_path / "desired.json")]
    assert subprocess.run(command, check=False).returncode == 0


async def test_changes_that_come_together_are_saved_together(
    file: DesiredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves: list[int] = []
    plain = DesiredFile.save

    def save(self: DesiredFile, desired: Desired) -> None:
        saves.append(len(desired.stopped))
        plain(self, desired)

    monkeypatch.setattr(DesiredFile, "save", save)
    keeper = Keeper(file, Desired())

    async def change(number: int) -> None:
        keeper.desired.stopped.add(str(number))
        await keeper.keep()
        assert str(number) in file.load().stopped

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(change, number)
    assert len(saves) <= 3
