"""How long somebody waits: what is no time is refused, and nothing is begun."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from supctl.errors import InvalidConfig

from .conftest import Desk

SHOP = "[apps.db]\ncommand = ['sleep', '1000']\n"


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "soon", ""])
@pytest.mark.parametrize(
    "command",
    [
        *(["start", "db"], ["stop", "db"], ["restart", "db"], ["delete", "shop"]),
        *(["wait", "db"], ["call", "db", "add"]),
    ],
)
def test_a_command_is_given_a_time_to_wait(desk: Desk, command: list[str], timeout: str) -> None:
    said = desk.run(*command, "--timeout", timeout, status=2)
    assert f"'--timeout': {timeout} is no time to wait; wanted seconds, more than 0" in said


@pytest.mark.parametrize("timeout", [0, -1.5, float("nan")])
def test_a_method_is_given_a_time_to_wait(desk: Desk, timeout: float) -> None:
    desk.run("start", desk.write(SHOP))
    with desk.client() as client:
        asked: list[Callable[[], object]] = [
            lambda: client.start("db", timeout=timeout),
            lambda: client.stop("db", timeout=timeout),
            lambda: client.restart("db", timeout=timeout),
            lambda: client.delete("shop", timeout=timeout),
            lambda: client.wait("db", wanted="ready", timeout=timeout),
            lambda: client.call("db", "add", timeout=timeout),
        ]
        for ask in asked:
            with pytest.raises(InvalidConfig, match="wanted seconds, more than 0"):
                ask()
        assert client.status("db")[0]["state"] == "running"


def test_no_end_is_a_time_to_wait(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    assert desk.run("stop", "db", "--timeout", "inf") == "shop/db stopped (exit status 143)\n"
