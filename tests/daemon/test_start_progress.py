"""How ``supctl start`` shows on a terminal how it goes on, and what it says of failures."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import Any

from supctl.cli.progress import frame

from .conftest import Desk

SHOP = """
[apps.db]
command = ["sh", "-c", "echo up; exec sleep 1000"]
ready = { output = "up" }

[apps.web]
[apps.web.apps.api]
command = ["sh", "-c", "while test ! -e go; do sleep 0.05; done; echo up; exec sleep 1000"]
cwd = "."
ready = { output = "up" }
"""
DUMB = """
[apps.dumb]
command = ["sh", "-c", "for i in 1 2 3 4 5 6; do echo line $i; done; echo oh no >&2; exec sleep 9"]
ready = { output = "never", timeout = "1s" }
backoff = { initial = "1h", maximum = "1h" }
"""


def row(address: str, state: str = "ready", kind: str = "app", **more: Any) -> dict[str, Any]:
    facts = {"health": "", "probed": "", "due_in": None, "end": None, "log": ""}
    depth = address.count("/") - 1
    return {"address": address, "state": state, "kind": kind, "depth": depth, **facts, **more}


def test_each_program_has_a_line_and_all_have_one() -> None:
    rows = [
        row("/shop", "starting", "supervisor"),
        row("/shop/db"),
        row("/shop/api", "starting", probed="connection refused"),
        row("/shop/web", "waiting", "supervisor"),
    ]
    assert frame(rows, 80, 24) == [
        "  shop/db   ready",
        "  shop/api  starting  not ready yet: connection refused",
        "  shop/web  waiting",
        "1 of 3 ready, waiting for: shop/api, shop/web",
    ]
    assert frame(rows[:1], 80, 24) == ["  shop  starting", "0 of 1 ready, waiting for: shop"]
    assert frame([], 80, 24) == []


def test_it_fits_the_terminal() -> None:
    rows = [row("/shop/" + "x" * 50, "starting", probed="y" * 100)]
    assert [len(line) for line in frame(rows, 40, 24)] == [40, 40]
    many = [row(f"/shop/a{n}", "ready" if n < 17 else "starting") for n in range(40)]
    lines = frame(many, 60, 10)
    assert len(lines) == 9
    assert lines[0] == "  shop/a17  starting"
    assert lines[-1] == "17 of 40 ready, waiting for: shop/a17, shop/a18, shop/a19, …"
    assert len(frame(many, 60, 1)) == 1


def screen_of(output: str) -> list[str]:
    """Return what stands on a terminal after such an output, without its colours."""
    lines: list[str] = [""]
    place = 0
    for up, erase, end, text in re.findall(
        r"\x1b\[(\d+)A|(\x1b\[[KJ])|(\n)|((?:[^\x1b\n]|\x1b\[[\d;]*m)+)", output
    ):
        if up:
            place -= int(up)
        elif erase == "\x1b[J":
            del lines[place + 1 :]
        elif end:
            place += 1
            lines += [""] * (place + 1 - len(lines))
        elif shown := re.sub(r"\x1b\[[\d;]*m|\r", "", text):
            lines[place] = shown
    return [line for line in lines if line]


def test_a_terminal_shows_how_it_goes_on(desk: Desk) -> None:
    desk.write(SHOP)
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "supctl", "start", "shop.toml"],
        cwd=desk.directory,
        env={**desk.environ, "TERM": "xterm"},
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
    )
    os.close(theirs)
    output = b""
    while b"waiting for: shop/web/api" not in output:
        output += os.read(ours, 65536)
    (desk.directory / "go").touch()
    while b"added" not in output:
        output += os.read(ours, 65536)
    assert command.wait(50) == 0
    os.close(ours)
    assert screen_of(output.decode()) == [
        "  shop/db       ready",
        "  shop/web/api  ready",
        "2 of 2 ready",
        "shop added",
    ]


def test_elsewhere_it_shows_what_came_of_it(desk: Desk) -> None:
    (desk.directory / "go").touch()
    assert desk.run("start", desk.write(SHOP)) == "shop added\n"


def test_who_does_not_come_up_has_the_last_word(desk: Desk) -> None:
    said = desk.run("start", desk.write(DUMB), status=1)
    assert said.splitlines() == [
        "shop added",
        "supctl: /shop/dumb did not start: not ready within 1 s: no line of its output matches "
        "'never'",
        *(f"    line {n}" for n in range(2, 7)),
        "    oh no",
    ]
