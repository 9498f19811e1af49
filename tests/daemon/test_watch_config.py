"""Projects that follow their file: real edits, by a daemon that may be lost meanwhile."""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .conftest import Desk, until
from .test_survival import kill_daemon

SHOP = """
{head}
[apps.a]
command = "sleep {a}"
[apps.b]
command = "sleep 1000"
"""


def shop(a: int = 1001, head: str = "watch_config = true") -> str:
    return SHOP.format(a=a, head=head)


def command_of(desk: Desk, name: str = "shop/a") -> str:
    words: list[str] = desk.json("describe", name)["spec"]["command"]
    return " ".join(words)


def runs(desk: Desk, seconds: int) -> bool:
    return command_of(desk) == f"sleep {seconds}"


def is_other(desk: Desk, pid: int) -> bool:
    return desk.json("status", "shop/a")[0]["pid"] not in (pid, None)


def follows(desk: Desk) -> str:
    with desk.client() as client:
        (project,) = client.projects()
    told: str = project["watch_config"]
    return told


def refused(desk: Desk) -> Any:
    (row,) = (it for it in desk.json("status") if it["address"] == "/shop")
    return row["refused"]


def told(desk: Desk, kind: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in desk.run("events", "--json").splitlines()]
    return [it for it in events if it["event"] == kind]


def replace(desk: Desk, text: str, name: str = "shop.toml") -> None:
    desk.write(text, ".new")
    (desk.directory / ".new").rename(desk.directory / name)


def test_an_edit_is_followed_and_touches_nothing_else(desk: Desk) -> None:
    desk.run("start", desk.write(shop()))
    untouched = desk.pid("shop/b")
    desk.write(shop(1002))
    until(partial(runs, desk, 1002))
    replace(desk, shop(1003))
    until(partial(runs, desk, 1003))
    assert desk.pid("shop/b") == untouched
    story = desk.run("events")
    assert "shop: shop.toml has changed" in story
    # What follows from an edit is told as that, and as nobody's command.
    changed = told(desk, "config_changed")[-1]
    assert {it["cause"] for it in told(desk, "child_stopping")[-1:]} == {changed["seq"]}
    assert not [it for it in told(desk, "command_given") if it["command"] == "update"]


def test_what_it_includes_and_its_variables_are_followed(desk: Desk) -> None:
    desk.write('[apps.a]\ncommand = "sleep 1001"\nenv_file = { path = "e", optional = true }', "i")
    shutil.move(desk.directory / "i", desk.directory / "i.toml")
    desk.run("start", desk.write('watch_config = true\ninclude = ["i.toml"]\n'))
    desk.write(
        '[apps.a]\ncommand = "sleep ${S:-1002}"\nenv_file = { path = "e", optional = true }',
        "i.toml",
    )
    until(partial(runs, desk, 1002))
    pid = desk.pid("shop/a")
    desk.write("X=1\n", "e")
    until(partial(is_other, desk, pid))
    assert "X=1" in desk.run("env", "shop/a")


def test_a_link_that_is_switched_is_followed(desk: Desk) -> None:
    for name, seconds in (("..1", 1001), ("..2", 1002)):
        (desk.directory / name).mkdir()
        desk.write(shop(seconds), f"{name}/shop.toml")
    (desk.directory / "..data").symlink_to("..1")
    (desk.directory / "shop.toml").symlink_to("..data/shop.toml")
    desk.run("start", "shop.toml")
    (desk.directory / "..new").symlink_to("..2")
    (desk.directory / "..new").rename(desk.directory / "..data")
    shutil.rmtree(desk.directory / "..1")
    until(partial(runs, desk, 1002))


def test_a_file_with_mistakes_changes_nothing_and_says_so_once(desk: Desk) -> None:
    desk.run("start", desk.write(shop()))
    pid = desk.pid("shop/a")
    wrong = shop(1002).replace("command", "comand")
    for _ in range(2):
        desk.write(wrong)
        until(lambda: refused(desk))
        assert len(refused(desk)["mistakes"]) == 2
        shown = desk.run("status").splitlines()[-1]
        assert shown.startswith("shop: shop.toml cannot be used: 2 mistakes, since ")
        desk.write(shop())
        until(lambda: not refused(desk))
    assert [len(it["mistakes"]) for it in told(desk, "config_refused")] == [2, 0, 2, 0]
    assert desk.pid("shop/a") == pid
    desk.write(wrong)
    until(lambda: refused(desk))
    desk.write(shop(1003))
    until(partial(runs, desk, 1003))
    until(lambda: not refused(desk))


def test_a_file_that_goes_and_comes_back_is_followed(desk: Desk) -> None:
    desk.run("start", desk.write(shop()))
    (desk.directory / "shop.toml").unlink()
    until(lambda: refused(desk))
    assert "shop.toml cannot be used: no such file" in desk.run("status")
    desk.write(shop(1002))
    until(partial(runs, desk, 1002))
    until(lambda: not refused(desk))


@pytest.mark.survival
def test_the_next_daemon_follows_too_and_sees_what_was_edited_meanwhile(desk: Desk) -> None:
    desk.run("start", desk.write(shop(head="")), "--watch-config")
    untouched = desk.pid("shop/b")
    for seconds in (1002, 1003):
        kill_daemon(desk)
        desk.write(shop(seconds, head=""))
        until(partial(runs, desk, seconds))
    desk.write(shop(1004, head=""))
    until(partial(runs, desk, 1004))
    assert desk.pid("shop/b") == untouched
    assert follows(desk) == "option"


@pytest.mark.survival
def test_the_next_daemon_watches_sources_and_sees_what_was_edited_meanwhile(desk: Desk) -> None:
    desk.write("1", "main.py")
    desk.run("start", desk.write('[apps.a]\ncommand = "sleep 1001"\nwatch = ["main.py"]\n'))
    for text in ("22", "333"):
        pid = desk.pid("shop/a")
        kill_daemon(desk)
        desk.write(text, "main.py")
        until(partial(is_other, desk, pid))
    pid = desk.pid("shop/a")
    desk.write("4444", "main.py")
    until(partial(is_other, desk, pid))
    assert "main.py changed" in desk.run("why", "shop/a")


def test_it_ends_with_the_key_with_a_start_without_it_and_with_the_project(desk: Desk) -> None:
    desk.run("start", desk.write(shop()))
    assert follows(desk) == "file"
    desk.write(shop(1002, head=""))
    until(partial(runs, desk, 1002))
    until(lambda: follows(desk) == "")
    desk.run("start", "shop.toml", "--watch-config")
    assert follows(desk) == "option"
    desk.write(shop(1003, head=""))
    desk.run("apply", "shop.toml")
    assert runs(desk, 1003)
    assert follows(desk) == "option"
    desk.run("start", "shop.toml")
    assert follows(desk) == ""
    desk.run("start", "shop.toml", "--watch-config")
    desk.run("delete", "shop")
    desk.write(shop(1004, head=""))
    assert desk.json("status") == []


def test_another_profile_is_followed_from_then_on(desk: Desk) -> None:
    profile = '[profiles.p.apps.b]\ncommand = "sleep 2000"\n'
    desk.run("start", desk.write(shop() + profile))
    desk.run("apply", "shop.toml", "--profile", "p")
    desk.write(shop(1002) + profile)
    until(partial(runs, desk, 1002))
    assert command_of(desk, "shop/b") == "sleep 2000"


def test_it_is_read_as_who_has_started_it_would(desk: Desk) -> None:
    """With their environment, in their directory; which only they can see."""
    desk.write(shop().replace("sleep 1001", "sleep ${SECONDS_OF_A:-1001}"))
    assert desk.shell("SECONDS_OF_A=1002 python -m supctl start shop.toml").startswith("shop added")
    desk.write(shop().replace("sleep 1001", "sleep ${SECONDS_OF_A:-1001}") + 'env = { B = "1" }')
    until(lambda: "B=1" in desk.run("env", "shop/b"))
    assert runs(desk, 1002)
    (kept,) = Path(desk.home.state).glob("desired*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "SECONDS_OF_A" not in desk.run("status", "--json") + Path(desk.home.audit).read_text()


def test_what_is_no_file_cannot_be_followed(desk: Desk) -> None:
    os.mkfifo(desk.directory / "pipe")
    said = desk.shell(
        f"cat > pipe <<'E' & python -m supctl start pipe --watch-config\n{shop(head='')}\nE\n"
    )
    assert "a file that can be edited" in said
    assert desk.run("start", "api", "--watch-config", status=2).count("--watch-config is for files")
