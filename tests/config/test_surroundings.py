"""What is checked against the file system and the users, before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supctl.config import ConfigErrors, preflight
from supctl.specs import App, Supervisor


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a file for every way not to be a program."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "plain").write_text("text")
    (tmp_path / "no-interpreter").write_text("#!/no/such/python -u\n")
    (tmp_path / "no-interpreter").chmod(0o755)
    (tmp_path / "good").write_text("#!/bin/sh\n")
    (tmp_path / "good").chmod(0o755)
    os.mkfifo(tmp_path / "fifo", 0o755)
    return tmp_path


def sentences(app: App) -> list[str]:
    try:
        preflight(app)
    except ConfigErrors as error:
        return [str(mistake) for mistake in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("program", "seen"),
    [
        ("./missing", "does not exist"),
        ("./directory", "is a directory"),
        ("./plain", "is not executable"),
        ("./plain/below", "does not exist"),
        ("./fifo", "is no regular file"),
        ("./no-interpreter", "asks in its first line for '/no/such/python', which does not exist"),
        ("missing", "is in no directory of its PATH"),
        ("directory", "is in no directory of its PATH"),
        ("plain", "is not executable"),
    ],
)
def test_what_is_no_program(place: Path, program: str, seen: str) -> None:
    (said,) = sentences(App("a", [program], cwd=place, env={"PATH": str(place)}))
    assert said.startswith(
        f"command starts {program!r}, which {seen}; wanted a program that can be executed ("
    )


@pytest.mark.parametrize(
    ("program", "path"),
    [("./good", None), ("good", "."), ("good", "/nowhere:."), ("good", ""), ("sh", None)],
)
def test_programs_are_found_as_the_system_finds_them(
    place: Path, program: str, path: str | None
) -> None:
    env = {} if path is None else {"PATH": path}  # without PATH: os.defpath
    assert sentences(App("a", [program], cwd=place, env=env)) == []


def test_an_executable_further_down_the_path_counts(place: Path) -> None:
    (place / "directory" / "plain").write_text("#!/bin/sh\n")
    (place / "directory" / "plain").chmod(0o755)
    assert sentences(App("a", ["plain"], env={"PATH": f"{place}:{place}/directory"})) == []


def test_a_program_that_is_nearly_right_is_suggested(place: Path) -> None:
    (said,) = sentences(App("a", ["god"], env={"PATH": str(place)}))
    assert said.endswith("(did you mean 'good'?)")


@pytest.mark.parametrize(
    ("cwd", "seen"),
    [("missing", "does not exist"), ("plain", "is not a directory"), ("x\0y", "does not exist")],
)
def test_a_cwd_that_cannot_be(place: Path, cwd: str, seen: str) -> None:
    (said,) = sentences(App("a", ["./good"], cwd=f"{place}/{cwd}"))
    assert said.startswith(f"cwd is {f'{place}/{cwd}'!r}, which {seen}; wanted a directory (")


@pytest.mark.parametrize("user", ["no-such-user", 2**31 - 5, "x\0y"])
def test_an_unknown_user(user: str | int) -> None:
    (said,) = sentences(App("a", ["sh"], user=user))
    assert said.startswith(f"user is {user!r}, whom this system does not know; wanted a user")


@pytest.mark.parametrize("group", ["no-such-group", "x\0y"])
def test_an_unknown_group(group: str) -> None:
    (said,) = sentences(App("a", ["sh"], group=group))
    assert said.startswith(f"group is {group!r}, which this system does not know; wanted a group")


def test_somebody_else_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "getegid", lambda: 12345)
    assert sentences(App("a", ["sh"], user="root", group="root")) == [
        "user is 'root'; wanted yourself, as you are not root (leave user out, or be root)",
        "group is 'root'; wanted your own group, as you are not root (leave group out, or be root)",
    ]


def test_places_in_a_tree_are_names() -> None:
    tree = Supervisor("root", [Supervisor("web", [App("api", ["./no"], cwd="/")])])
    with pytest.raises(ConfigErrors, match=r"^web\.api\.command starts './no'"):
        preflight(tree)
