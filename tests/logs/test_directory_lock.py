"""The lock on a log directory: one holder at a time, and nothing left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supctl.errors import AlreadyRunning, StorageFailed
from supctl.logs.directory import LogDirectory

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_nothing_is_left_in_it(tmp_path: Path) -> None:
    with LogDirectory(tmp_path):
        assert os.listdir(tmp_path) == [".lock"]
    assert os.listdir(tmp_path) == []


def test_no_parent_that_is_made_is_for_everybody(tmp_path: Path) -> None:
    with LogDirectory(tmp_path / "a" / "b" / "c") as held:
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (held.path, *held.path.parents[:2])}
    assert modes == {0o750}


def test_lock_of_a_killed_tree_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("4194304\n")
    with LogDirectory(tmp_path), pytest.raises(AlreadyRunning, match=f"process {os.getpid()} "):
        LogDirectory(tmp_path).__enter__()


def test_lock_that_was_removed_before_we_had_it_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def removed_first(fd: int, operation: int) -> None:
        (tmp_path / ".lock").unlink()
        monkeypatch.setattr(fcntl, "flock", flock)
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with LogDirectory(tmp_path), pytest.raises(AlreadyRunning):
        LogDirectory(tmp_path).__enter__()


def test_of_many_at_once_one_holds_it(tmp_path: Path) -> None:
    holders: list[int] = []
    crowds: list[int] = []

    def compete(number: int) -> None:
        for _ in range(200):
            try:
                with LogDirectory(tmp_path):
                    holders.append(number)
                    crowds.append(len(holders))
                    holders.remove(number)
            except AlreadyRunning:
                pass

    threads = [threading.Thread(target=compete, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(crowds) == {1}
    assert os.listdir(tmp_path) == []


def test_directory_that_was_replaced_is_left_to_its_new_holder(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    first = LogDirectory(path).__enter__()
    (path / ".lock").unlink()
    with LogDirectory(path):
        first.__exit__(None, None, None)
        with pytest.raises(AlreadyRunning):
            LogDirectory(path).__enter__()


def test_full_disk_is_found_out_at_once(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(StorageFailed) as caught:
            LogDirectory(tmp_path).__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A directory in which we may open the lock a killed tree has left, and make nothing."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        (path / ".lock").touch()
        (path / ".lock").chmod(0o666)
        path.chmod(0o555)
        euid = os.geteuid()
        if euid == 0:  # root may write everywhere
            os.seteuid(65534)
        try:
            yield path
        finally:
            os.seteuid(euid)
            path.chmod(0o755)


def test_directory_that_takes_no_files_is_found_out_at_once(read_only: Path) -> None:
    with pytest.raises(StorageFailed) as caught:
        LogDirectory(read_only).__enter__()
    assert caught.value.errno == errno.EACCES
