"""A log directory belongs to one tree, and says at once if it cannot be used."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from supctl.errors import AlreadyRunning, StorageFailed
from supctl.logs.directory import LogDirectory, default_log_directory


def test_two_cannot_hold_one_directory(tmp_path: Path) -> None:
    told = f"process {os.getpid()} writes there"
    with LogDirectory(tmp_path), pytest.raises(AlreadyRunning, match=told):
        LogDirectory(tmp_path).__enter__()
    with LogDirectory(tmp_path):
        pass


def test_it_is_made_with_its_parents_and_not_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with LogDirectory(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o750


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_what_is_no_directory_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed) as caught:
        LogDirectory(tmp_path / where).__enter__()
    assert caught.value.errno == errno.ENOTDIR
    assert str(tmp_path / where) in str(caught.value)


def test_nothing_is_left_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with LogDirectory(tmp_path), pytest.raises(AlreadyRunning):
        LogDirectory(tmp_path).__enter__()
    assert os.listdir("/proc/self/fd") == before


def test_default_is_one_of_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = default_log_directory("shop")
    assert path.is_relative_to(tmp_path)
    assert path.name == "shop"
