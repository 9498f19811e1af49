"""What ends a whole tree ends one project, and neither the daemon nor other projects."""

from __future__ import annotations

import pytest

from .conftest import Desk, until

OTHER = "[apps.x]\ncommand = ['sleep', '1001']\n"

ESSENTIAL = """
[apps.web]
command = ["sh", "-c", "test -e go && exec sleep 1000; exit 3"]
restart = "never"
essential = true
[apps.helper]
command = ["sleep", "1000"]
"""

EXHAUSTED = """
[apps.web.apps.api]
command = ["sh", "-c", "test -e go && exec sleep 1000; exit 3"]
give_up_after = 1
backoff = { initial = 0 }
exhausted = "shut_down"
[apps.helper]
command = ["sleep", "1000"]
"""


@pytest.mark.parametrize("text", [ESSENTIAL, EXHAUSTED])
def test_other_projects_run_on(desk: Desk, text: str) -> None:
    desk.run("start", desk.write(OTHER, "other.toml"))
    daemon, other = desk.json("daemon", "status")["pid"], desk.pid("other/x")
    desk.popen("start", desk.write(text, "shop.toml")).communicate()
    until(lambda: desk.states().get("/shop") == "exited")
    assert [it for it in desk.states() if it.startswith("/shop/")] == []
    assert "ended with the whole tree" in desk.run("why", "shop")
    (desk.directory / "go").touch()
    desk.run("start", "shop")
    until(lambda: desk.states().get("/shop/helper") == "running")
    assert (desk.json("daemon", "status")["pid"], desk.pid("other/x")) == (daemon, other)
