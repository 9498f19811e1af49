"""Which file of a directory is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from supctl.config import ConfigErrors, load
from supctl.config.discovery import Discovery, discover

APP = '[apps.a]\ncommand = ["sh"]\n'
GOSV = '{"services": [{"name": "a", "command": "sh"}]}'

Write = Callable[..., list[Path]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*names: str, text: str = APP) -> list[Path]:
        paths = [tmp_path / name for name in names]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return paths

    return write


@pytest.mark.parametrize(
    "names",
    [
        ("supctl.toml", "supctl.yaml", "supctl.json"),
        ("supctl.json", "bunctl.json", "ecosystem.config.cjs", "Procfile"),
        ("bunctl.json", "ecosystem.config.js", "pm2.json", "process-compose.yaml"),
        ("ecosystem.config.mjs", "pm2.json", "supervisord.conf", "Procfile"),
        ("process-compose.yaml", "supervisord.conf", "Procfile"),
    ],
)
def test_the_likeliest_is_taken_and_the_others_are_told(
    write: Write, names: tuple[str, ...]
) -> None:
    first, *others = write(*reversed(names))[::-1]
    assert discover(first.parent) == Discovery(first, tuple(others))


def test_a_file_of_another_name_is_none(write: Write, tmp_path: Path) -> None:
    write("shop.toml", "Procfile.bak", "readme.json")
    with pytest.raises(ConfigErrors, match='"supctl init" writes one'):
        discover(tmp_path)


@pytest.mark.parametrize("text", ["{}", "[1]", '{"services": {}}', "no json"])
def test_a_name_that_others_use_decides_nothing(write: Write, tmp_path: Path, text: str) -> None:
    write("services.json", text=text)
    with pytest.raises(ConfigErrors, match="holds no file for supctl"):
        discover(tmp_path)


def test_what_is_in_such_a_file_decides(write: Write, tmp_path: Path) -> None:
    (path,) = write("services.json", text=GOSV)
    assert discover(tmp_path) == Discovery(path)


@pytest.mark.parametrize("mark", [".git", ".hg"])
def test_parents_are_asked_up_to_the_root_of_the_repository(
    write: Write, tmp_path: Path, mark: str
) -> None:
    (path,) = write("supctl.toml")
    below = tmp_path / "src" / "web"
    below.mkdir(parents=True)
    (tmp_path / mark).mkdir()
    assert discover(below).path == path


def test_above_a_repository_is_nothing_of_its(write: Write, tmp_path: Path) -> None:
    write("supctl.toml")
    (tmp_path / "here" / ".git").mkdir(parents=True)
    with pytest.raises(ConfigErrors):
        discover(tmp_path / "here")


def test_without_a_repository_no_parent_is_asked(write: Write, tmp_path: Path) -> None:
    write("supctl.toml")
    (tmp_path / "here").mkdir()
    with pytest.raises(ConfigErrors):
        discover(tmp_path / "here")


def test_the_nearest_directory_is_taken(write: Write, tmp_path: Path) -> None:
    write("supctl.toml")
    (near,) = write("here/Procfile")
    (tmp_path / ".git").mkdir()
    assert discover(near.parent) == Discovery(near)


def test_a_directory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="wanted a directory to read"):
        discover(tmp_path / "nowhere")


def test_a_tree_tells_what_was_passed_over(write: Write, tmp_path: Path) -> None:
    path, *_ = write("supctl.toml", "Procfile", "pm2.json")
    loaded = load(tmp_path)
    assert loaded.source == path
    assert loaded.notes == ("supctl.toml is taken, and not pm2.json, Procfile",)
    assert load(path).notes == ()
