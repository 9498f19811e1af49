"""``supctl health``, as an operator and a script meet it."""

from __future__ import annotations

import pytest

from supctl.errors import ProcessNotFound

from .conftest import Desk

SHOP = """
[apps.well]
command = ["sleep", "1000"]
cwd = "."
health = { exec = ["test", "!", "-e", "ill"], interval = "20ms", retries = 1000 }

[apps.quiet]
command = ["sh", "-c", "echo up; exec sleep 1000"]
ready = { output = "up" }

[apps.plain]
command = ["sleep", "1000"]

[apps.apart]
isolation = "process"
[apps.apart.apps.dog]
command = ["sleep", "1000"]
health = { watchdog = "1h" }
"""


def test_what_is_asked_and_what_is_answered(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    with desk.client() as client:
        while client.health("well")[0]["is"] != "healthy":
            pass
        well, quiet, plain, dog = client.health()
        assert well["health"] == {
            "kind": "exec",
            "what": "test '!' -e ill succeeds",
            "interval": 0.02,
            "timeout": 5.0,
            "retries": 1000,
            "start_period": 0.0,
        }
        assert (well["ready"], well["is_ready"], well["failures"]) == (None, True, 0)
        assert 0 <= well["age"] < 50
        assert (quiet["ready"]["kind"], quiet["is_ready"], quiet["is"]) == ("output", True, None)
        assert (plain["ready"], plain["health"], plain["said"]) == (None, None, None)
        assert (dog["address"], dog["health"]["kind"]) == ("/shop/apart/dog", "watchdog")
        assert (dog["is"], dog["health"]["interval"], dog["age"]) == ("unknown", 3600, None)

        said = desk.run("health", "shop")
        assert "every" in said.splitlines()[0]
        assert "exec: test '!' -e ill succeeds" in said
        (desk.directory / "ill").touch()
        while client.health("well")[0]["failures"] < 3:
            pass
        (row,) = client.health("well")
        assert (row["is"], row["state"]) == ("unhealthy", "running")
        assert row["said"] == "probe exited with code 1"
        with pytest.raises(ProcessNotFound):
            client.health("nobody")
    assert "unhealthy" in desk.run("health", status=1)
    assert '"is": "unhealthy"' in desk.run("health", "--json", status=1)
    desk.run("health", "quiet", "plain")


def test_the_answer_is_the_one_that_made_it_ready(desk: Desk) -> None:
    late = """
[apps.late]
command = ["sh", "-c", "sleep 0.3; touch up; exec sleep 1000"]
ready = { exec = ["test", "-e", "up"] }
"""
    desk.run("start", desk.write(late))
    (row,) = desk.json("health", "late")
    assert (row["is_ready"], row["said"]) == (True, "probe exited with code 0")


def test_what_is_down_is_not_well(desk: Desk) -> None:
    text = "[apps.a]\ncommand = ['false']\nbackoff = { initial = '1h', maximum = '1h' }\n"
    desk.run("start", desk.write(text + "[apps.b]\ncommand = ['sleep', '1000']\n"))
    while desk.states()["/shop/a"] != "backoff":
        pass
    assert "backoff" in desk.run("health", status=1)
    desk.run("stop", "a")
    desk.run("health")  # that is as somebody wants it
