"""``supctl logs``, as an operator meets it."""

from __future__ import annotations

import json
import os
import signal

import pytest

from .conftest import Desk

TALK = """
[apps.talk]
command = ["sh", "-c", "seq 1 30; echo oops >&2; read -r _ < gate; echo more; exec sleep 1000"]

[apps.quiet]
command = ["sleep", "1000"]
"""


@pytest.fixture
def talking(desk: Desk) -> Desk:
    """A desk where a program has written thirty-one lines, and writes another for ``gate``."""

    os.mkfifo(desk.directory / "gate")
    desk.run("start", desk.write(TALK))
    while "oops" not in desk.run("logs", "talk"):
        pass
    return desk


def open_gate(desk: Desk) -> None:
    (desk.directory / "gate").write_text("\n")


def test_the_last_lines_of_one_and_of_several(talking: Desk) -> None:
    assert talking.run("logs", "talk", "-n", "2") == "29\n30\noops\n"
    assert talking.run("logs", "talk", "-n", "1", "--stdout") == "30\n"
    assert talking.run("logs", "-n", "1") == "shop/talk  | 30\nshop/talk  ! oops\n"
    assert talking.run("logs", "quiet") == ""
    (told,) = map(json.loads, talking.run("logs", "--stderr", "--json").splitlines())
    assert told == {
        "event": "line", "address": "/shop/talk", "stream": "stderr", "line": "oops"
    }  # fmt: skip
    assert "nothing is called" in talking.run("logs", "talkk", status=1)


def test_following_shows_what_was_and_what_comes(talking: Desk) -> None:
    with talking.popen("logs", "-f", "-n", "1", "--stdout") as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "shop/talk  | 30\n"
        open_gate(talking)
        assert command.stdout.readline() == "shop/talk  | more\n"
        command.send_signal(signal.SIGINT)
        assert command.wait() == 130
        assert command.stderr is not None
        assert command.stderr.read() == ""


def test_programs_follow_too(talking: Desk) -> None:
    with talking.client() as client:
        items = client.lines("talk", streams=["stdout"])
        assert next(items) == {"event": "following"}
        open_gate(talking)
        assert next(items)["line"] == "more"
        items.close()  # type: ignore[attr-defined]
        assert client.ping() == "pong"
