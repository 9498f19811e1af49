"""Which children a name means."""

from __future__ import annotations

import pytest

from supctl.daemon.naming import is_below, resolve, resolve_one, topmost
from supctl.errors import Ambiguous, ProcessNotFound
from supctl.supervision.status import ChildStatus

ADDRESSES = (
    "/shop", "/shop/db", "/shop/web", "/shop/web/api:1", "/shop/web/api:2", "/shop/mailer",
    "/blog", "/blog/db", "/cron",
)  # fmt: skip
TAGS = {"/shop/db": ("data",), "/blog/db": ("data", "blog"), "/shop/web": ("front",)}
ROWS = [
    ChildStatus(it, "app", "running", 1, 1.0, 0, None, None, 0, tags=TAGS.get(it, ()))
    for it in ADDRESSES
]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("all", ["/shop", "/blog", "/cron"]),
        ("/shop/db", ["/shop/db"]),
        ("shop/db", ["/shop/db"]),
        ("shop", ["/shop"]),
        ("mailer", ["/shop/mailer"]),
        ("web", ["/shop/web"]),
        ("api", ["/shop/web/api:1", "/shop/web/api:2"]),
        ("web/api", ["/shop/web/api:1", "/shop/web/api:2"]),
        ("/shop/web/api", ["/shop/web/api:1", "/shop/web/api:2"]),
        ("api:2", ["/shop/web/api:2"]),
        ("*/db", ["/shop/db", "/blog/db"]),
        ("db*", ["/shop/db", "/blog/db"]),
        ("shop/*", ["/shop/db", "/shop/web", "/shop/web/api:1", "/shop/web/api:2", "/shop/mailer"]),
        ("api:[13]", ["/shop/web/api:1"]),
        ("@data", ["/shop/db", "/blog/db"]),
        ("@front", ["/shop/web"]),
    ],
)
def test_a_name_means(name: str, meant: list[str]) -> None:
    assert resolve([name], ROWS) == meant


def test_several_names_mean_each_child_once_in_the_order_of_the_tree() -> None:
    assert resolve(["cron", "mailer", "shop/*"], ROWS)[-2:] == ["/shop/mailer", "/cron"]
    assert resolve(["api:2", "api"], ROWS) == ["/shop/web/api:1", "/shop/web/api:2"]


@pytest.mark.parametrize(
    ("name", "near"),
    [("shp", "/shop"), ("mailr", "/shop/mailer"), ("api:3", "/shop/web/api:1"), ("x*", "")],
)
def test_an_unknown_name_says_what_is_near(name: str, near: str) -> None:
    with pytest.raises(ProcessNotFound, match=f"nothing is called.*{near}"):
        resolve([name], ROWS)


def test_a_name_of_several_places_is_ambiguous() -> None:
    with pytest.raises(Ambiguous, match="'db' means /shop/db and /blog/db"):
        resolve(["db"], ROWS)
    with pytest.raises(Ambiguous, match="api:1 and /shop/web/api:2"):
        resolve_one("api", ROWS)
    assert resolve_one("cron", ROWS) == "/cron"


def test_what_is_below_another_is_not_topmost() -> None:
    assert topmost(["/shop/db", "/shop/web", "/shop/web/api:1", "/cron"]) == [
        "/shop/db", "/shop/web", "/cron"
    ]  # fmt: skip
    assert topmost(["/shop", "/shop/web/api:1", "/shopping"]) == ["/shop", "/shopping"]
    assert not is_below("/shopping", {"/shop"})


def test_a_tag_that_nobody_carries_is_told_with_those_that_are_near() -> None:
    with pytest.raises(ProcessNotFound, match="nothing is called '@date'; there are @data"):
        resolve(["@date"], ROWS)
    with pytest.raises(ProcessNotFound, match="there are @blog, @data, @front"):
        resolve(["@xyz"], ROWS)


def test_of_many_that_are_meant_some_are_told() -> None:
    error = Ambiguous("api", tuple(f"/shop/api:{number}" for number in range(1, 1001)))
    assert str(error).endswith("/shop/api:5 and 995 more; say which, by its address")
