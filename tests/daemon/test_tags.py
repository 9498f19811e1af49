"""Tags: words by which an operator means several at once."""

from __future__ import annotations

import click
import pytest

from supctl import App, Supervisor, Worker
from supctl.cli.lifecycle import stop
from supctl.cli.naming import complete_names
from supctl.errors import InvalidConfig

from .conftest import Desk

SHOP = """
[apps.db]
command = ["sleep", "1000"]
tags = ["data", "critical"]

[apps.api]
command = ["sleep", "1000"]
tags = ["web"]
instances = 2

[apps.apart]
isolation = "process"
tags = ["far"]
[apps.apart.apps.page]
command = ["sleep", "1000"]
tags = ["web"]
"""


def test_a_tag_means_all_that_carry_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("start", desk.write(SHOP))
    monkeypatch.setenv("SUPCTL_HOME", str(desk.base))
    context = click.Context(stop)
    found = complete_names(context, stop.params[0], "@")
    assert [it.value for it in found] == ["@critical", "@data", "@far", "@web"]
    assert [it.value for it in complete_names(context, stop.params[0], "@w")] == ["@web"]
    assert [row["tags"] for row in desk.json("status", "db", "page")] == [
        ["data", "critical"],
        ["web"],
    ]
    assert desk.json("describe", "db")["spec"]["tags"] == ["data", "critical"]
    assert desk.run("stop", "@web", "@data").splitlines() == [
        "shop/db stopped (exit status 143)",
        "shop/api:1 stopped (exit status 143)",
        "shop/api:2 stopped (exit status 143)",
        "shop/apart/page stopped (exit status 143)",
    ]
    assert desk.run("start", "@critical") == "shop/db started\n"
    assert "there are @web" in desk.run("restart", "@wep", status=1)
    desk.write(SHOP.replace('"critical"', '"dear"'))
    before = desk.pid("db")
    desk.run("reload", "shop")
    assert desk.json("status", "@dear")[0]["pid"] == before


@pytest.mark.parametrize("tag", ["@web", "", "a b"])
def test_a_tag_is_a_word(tag: str) -> None:
    with pytest.raises(InvalidConfig, match="tags is"):
        App("a", ["true"], tags=[tag])


def test_tags_are_a_list() -> None:
    with pytest.raises(InvalidConfig, match=r"a list of words, such as \['web'\]"):
        Worker("a", "m:A", tags="web")
    assert Supervisor("s", tags=["b", "a", "b"]).tags == ("b", "a")
