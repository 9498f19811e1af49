"""Ten chores of an operator, as docs/tour.md shows them: it is what this test has seen.

``WRITE_TOUR=1`` has it written anew.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from .conftest import Desk

PAGE: Final = Path(__file__).parents[2] / "docs" / "tour.md"

FILE: Final = """\
[apps.db]
command = ["sh", "-c", "touch db.up; exec sleep 1000"]
ready = { exec = ["test", "-e", "db.up"] }
health = { exec = ["test", "-e", "db.up"], interval = "500ms", retries = 2 }

[apps.web.apps.api]
command = ["sh", "-c", "while echo serving; do sleep 0.5; done"]
instances = 2
depends_on = ["proxy"]

[apps.web.apps.proxy]
command = ["sleep", "1000"]
backoff = { initial = "200ms" }
"""


class Tour:
    """Runs commands, and keeps what a terminal would show.

    Args:
        desk: where they run.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.lines: list[str] = []

    def chapter(self, title: str, text: str) -> None:
        self.lines += ["", f"## {title}", "", text, ""]

    def show(self, *commands: str) -> None:
        """Run commands one after the other."""
        self.lines.append("```console")
        for command in commands:
            said = self._desk.shell(command)
            self.lines += [f"$ {command}", *(line.rstrip() for line in said.splitlines())]
        self.lines.append("```")

    def quietly(self, command: str, until: Callable[[str], bool] = lambda _: True) -> None:
        """Run a command of which nothing is shown, until what it prints is as it should be."""
        while not until(self._desk.shell(command)):
            time.sleep(0.05)


def bare(text: str) -> str:
    """Return a page without what differs from run to run: numbers, and widths of columns."""
    text = re.sub(r"\d+(\.\d+)? ?(ms|s|min|%|[KM]iB|B)?\b%?", "#", text)
    return re.sub(r"[ -]+", " ", text)


def test_the_tour_is_what_is_to_be_seen(desk: Desk) -> None:
    desk.write(FILE, "shop.toml")
    tour = Tour(desk)
    walk(tour)
    page = "\n".join([*tour.lines, ""])
    page = page.replace(str(desk.directory), "/home/jo/shop").replace(
        str(desk.base), "/home/jo/.supctl"
    )
    page = page.replace(f" by {psutil.Process().username()} ", " by jo ")
    if os.environ.get("WRITE_TOUR"):
        PAGE.write_text(page)
    assert bare(PAGE.read_text()) == bare(page)


def walk(tour: Tour) -> None:
    """Go through the chores."""
    tour.lines += [
        "# A tour: ten chores",
        "",
        "Everything on this page was printed by the commands that it shows: a test of supctl runs",
        "them and compares. The file is `shop.toml`:",
        "",
        "```toml",
        *FILE.splitlines(),
        "```",
    ]
    tour.chapter(
        "1. Start from a file",
        "The daemon starts by itself. `start` returns when everything is ready.",
    )
    tour.show("supctl start shop.toml", "supctl status")
    tour.chapter(
        "2. A crash",
        "Somebody kills the proxy. It comes back after its back-off, and `why` tells the story.",
    )
    tour.quietly("supctl signal KILL proxy")
    tour.quietly("supctl status proxy", until_restarted)
    tour.quietly("supctl wait proxy --for running")
    tour.show("supctl status proxy", "supctl why proxy")
    tour.chapter("3. All about one program", "What it is, how it does, and what has happened.")
    tour.show("supctl describe proxy")
    tour.chapter("4. More of it", "Those that run already run on.")
    tour.show("supctl scale api +1", "supctl status web")
    tour.chapter("5. A new version, one by one", "Each when the one before is up again.")
    tour.show("supctl restart api --rolling")
    tour.chapter("6. Stand still", "With all that it has started; it keeps its memory.")
    tour.show("supctl pause db", "supctl status db", "supctl resume db")
    tour.chapter("7. Follow what they write", "`-f` goes on until Ctrl-C, or until nobody reads.")
    tour.show("supctl logs api -n 1", "supctl logs api:1 -f -n 0 | head -2")
    tour.chapter(
        "8. One that is sick",
        "The file that tells of its health is gone. Two probes fail, and it is restarted.",
    )
    tour.quietly("rm db.up")
    tour.quietly("supctl status db", until_restarted)
    tour.quietly("supctl wait db --for ready")
    tour.show("supctl events db | tail -6")
    tour.chapter(
        "9. The machine goes down, and up",
        "What should run is on the disk, and comes back with the daemon.",
    )
    tour.show("supctl kill --yes", "supctl resurrect")
    tour.quietly("supctl wait shop --for running")
    tour.show("supctl status")
    tour.chapter("10. Tear down", "`delete` forgets a project; its files and logs stay.")
    tour.show("supctl stop all --yes", "supctl delete shop", "supctl kill --yes")


def until_restarted(status: str) -> bool:
    return " 1 " in status
