"""The code that a daemon runs is kept."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supctl.daemon.code import PACKAGE, drop_others, keep_code, own_program, program_at
from supctl.errors import InvalidConfig, StorageFailed


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of a few files only."""
    made = tmp_path / "here" / "supctl"
    (made / "cli").mkdir(parents=True)
    (made / "__init__.py").touch()
    (made / "_version.py").write_text("__version__ = '7'\n")
    (made / "cli" / "__init__.py").touch()
    (made / "cli" / "main.py").write_text(
        "import sys\nfrom supctl._version import __version__\n\n"
        "def main(prog_name):\n    print(prog_name, __version__, *sys.argv[1:])\n"
    )
    return made


def said(root: Path) -> str:
    command = [sys.executable, str(root), "a", "b"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def kept(package: Path, tmp_path: Path) -> Path:
    return keep_code(package, tmp_path / "code")


def test_what_is_kept_can_be_run(kept: Path) -> None:
    assert said(kept) == "supctl 7 a b\n"


def test_it_does_not_change_with_what_is_installed(package: Path, kept: Path) -> None:
    for path in sorted(package.rglob("*.py")):
        path.unlink()
        path.write_text("raise RuntimeError")
    assert said(kept) == "supctl 7 a b\n"


def test_the_same_code_is_kept_once(package: Path, kept: Path) -> None:
    assert keep_code(package, kept.parent) == kept
    assert list(kept.parent.iterdir()) == [kept]


@pytest.mark.parametrize("name", ["_version.py", "cli/main.py"])
def test_other_code_is_kept_beside_it(package: Path, kept: Path, name: str) -> None:
    stat = (package / name).stat()
    os.utime(package / name, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    other = keep_code(package, kept.parent)
    assert sorted(kept.parent.iterdir()) == sorted([kept, other])


def test_code_without_a_file_is_other_code(package: Path, kept: Path) -> None:
    (package / "cli" / "__init__.py").unlink()
    assert keep_code(package, kept.parent) != kept


def test_only_what_is_compiled_for_us_is_kept(package: Path, tmp_path: Path) -> None:
    cache = package / "__pycache__"
    cache.mkdir()
    ours = f"a.{sys.implementation.cache_tag}.pyc"
    for name in (ours, "a.cpython-27.pyc", f"a.{sys.implementation.cache_tag}-tests.pyc"):
        (cache / name).touch()
    kept = keep_code(package, tmp_path / "code")
    assert [it.name for it in (kept / "supctl" / "__pycache__").iterdir()] == [ours]


def test_where_nothing_can_be_linked_it_is_copied(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", refuse)
    kept = keep_code(package, tmp_path / "code")
    with (package / "cli" / "main.py").open("w") as file:  # the same file as before
        file.write("raise RuntimeError")
    assert said(kept) == "supctl 7 a b\n"


def test_others_are_dropped(package: Path, kept: Path) -> None:
    (package / "more.py").touch()
    other = keep_code(package, kept.parent)
    drop_others(kept.parent, kept=other)
    assert list(kept.parent.iterdir()) == [other]


@pytest.mark.parametrize("directory", ["", "here", "here/supctl/cli"])
def test_what_is_no_such_package_is_refused(package: Path, tmp_path: Path, directory: str) -> None:
    with pytest.raises(InvalidConfig, match="the directory of a supctl package"):
        keep_code(tmp_path / directory, tmp_path / "code")
    assert not (tmp_path / "code").exists()


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A directory that takes nothing."""
    place = tmp_path / "file"
    place.touch()
    return place / "code"


def test_a_copy_that_cannot_be_made_leaves_nothing(package: Path, full: Path) -> None:
    with pytest.raises(StorageFailed, match="a copy of"):
        keep_code(package, full)


def test_a_copy_is_there_as_a_whole_or_not_at_all(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(self: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "write_text", fill)
    with pytest.raises(StorageFailed) as caught:
        keep_code(package, tmp_path / "code")
    assert caught.value.errno == errno.ENOSPC
    assert list((tmp_path / "code").iterdir()) == []


def test_a_program_runs_what_is_kept(kept: Path) -> None:
    assert program_at(kept).daemon == [sys.executable, str(kept), "daemon", "serve"]
    assert program_at(kept).reaper[-1] == str(kept)


def test_installed_code_is_run_as_a_module() -> None:
    assert own_program().daemon == [sys.executable, "-m", "supctl", "daemon", "serve"]
    assert own_program().reaper[-1] == str(PACKAGE.parent)
