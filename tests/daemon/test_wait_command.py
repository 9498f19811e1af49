"""``supctl wait``, as an operator meets it."""

from __future__ import annotations

import os

import pytest

from .conftest import Desk

GATED = """
[apps.job]
command = ["sh", "-c", "read -r status < gate; exit $status"]
restart = "never"

[apps.web]
[apps.web.apps.api]
command = ["sleep", "1000"]
instances = 2
"""


@pytest.fixture
def gated(desk: Desk) -> Desk:
    """A desk with a job that ends with the status that is written to ``gate``."""
    os.mkfifo(desk.directory / "gate")
    desk.run("start", desk.write(GATED))
    return desk


def test_what_holds_already_is_not_waited_for(gated: Desk) -> None:
    assert gated.run("wait", "shop") == ""
    assert gated.run("wait", "web", "job", "--for", "running") == ""
    assert gated.json("wait", "web") == {"held": True, "status": None, "missing": {}}


def test_what_does_not_come_in_time_is_named(gated: Desk) -> None:
    told = gated.run("wait", "web", "--for", "stopped", "--timeout", "0.1", status=1)
    assert "shop/web/api:2 is not stopped after 100 ms: running" in told
    told = gated.run("wait", "job", "--for", "exit", "--timeout", "0.1", status=1)
    assert "shop/job has not ended after 100 ms: running" in told


def test_the_end_of_a_job_is_waited_for_and_its_status_is_ours(gated: Desk) -> None:
    with gated.popen("wait", "job", "--for", "exit") as command:
        (gated.directory / "gate").write_text("7\n")
        assert command.wait() == 7
    gated.run("wait", "job", "--for", "exit", status=7)
    assert gated.run("wait", "job", "--for", "stopped") == ""


def test_stopping_is_waited_for(gated: Desk) -> None:
    with gated.popen("wait", "web", "--for", "stopped") as command:
        gated.run("stop", "web")
        assert command.wait() == 0


def test_what_is_deleted_is_not_waited_for_any_longer(gated: Desk) -> None:
    with gated.popen("wait", "web", "--for", "stopped") as command:
        gated.run("delete", "shop")
        assert command.wait() in (0, 1)


def test_only_one_exit_can_be_waited_for(gated: Desk) -> None:
    assert "api:1 and" in gated.run("wait", "api", "--for", "exit", status=1)
