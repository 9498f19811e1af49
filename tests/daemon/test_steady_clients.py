"""Clients under trio, whose daemon is killed while they ask."""

from __future__ import annotations

import os
import signal
from contextlib import aclosing
from typing import Any

import pytest
import trio

import supctl
from supctl.errors import ConnectionLost

from .conftest import Desk

pytestmark = pytest.mark.survival

SLEEPER = "[apps.a]\ncommand = ['sleep', '1000']\n"
DEAF = """
[apps.a]
command = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
instances = 2
stop = { grace = "2s" }
"""


async def kill_daemon(desk: Desk) -> int:
    """Kill the daemon; return the pid that it had."""
    async with supctl.connect(desk.base) as other:
        pid: int = (await other.about())["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


async def test_all_who_ask_are_answered_by_the_next_daemon(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    async with supctl.connect(desk.base) as daemon:
        before, pids = await daemon.describe("a"), []

        async def ask() -> None:
            for _ in range(20):
                pids.append((await daemon.about())["pid"])
                assert (await daemon.describe("a"))["pid"] == before["pid"]

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask)
            killed = [await kill_daemon(desk) for _ in range(3)]
        assert len(pids) == 100
        assert (await daemon.about())["pid"] not in killed
        (outcome,) = await daemon.stop("a")
        assert outcome["did"] == "stopped"


async def test_what_waits_for_something_waits_on(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    async with supctl.connect(desk.base) as daemon, trio.open_nursery() as nursery:
        found: dict[str, Any] = {}

        async def wait() -> None:
            found.update(await daemon.wait("a", wanted="stopped"))

        nursery.start_soon(wait)
        await kill_daemon(desk)
        await daemon.ping()
        assert found == {}
        await daemon.stop("a")
    assert found["held"]


async def test_events_go_on_behind_the_last_one_that_was_seen(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    seen: list[dict[str, Any]] = []

    async def follow() -> None:
        async with (
            supctl.connect(desk.base) as daemon,
            aclosing(daemon.events(follow=True)) as events,  # type: ignore[type-var]
        ):
            async for event in events:
                seen.append(event)
                if event["event"] == "tree_stopped":
                    return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        async with supctl.connect(desk.base) as asking:
            for _ in range(3):
                await kill_daemon(desk)
                await asking.stop("a")
                await asking.start("a")
            await asking.shutdown()
    told = [event["seq"] for event in seen]
    assert told == [*range(told[0], told[0] + len(told))]
    assert [it["event"] for it in seen if it.get("address") == "/shop/a"].count("child_exited") == 4


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("restart", {}), ("scale", {"instances": -1, "relative": True})],
    ids=["restart", "scale"],
)
async def test_what_may_have_been_done_is_not_done_again(
    desk: Desk, method: str, arguments: dict[str, Any]
) -> None:
    desk.run("start", desk.write(DEAF))
    async with supctl.connect(desk.base) as daemon, trio.open_nursery() as nursery:

        async def ask() -> None:
            with pytest.raises(ConnectionLost, match=f"look whether {method} was done"):
                await getattr(daemon, method)("a", **arguments)

        nursery.start_soon(ask)
        async with aclosing(daemon.events("a", follow=True)) as events:  # type: ignore[type-var]
            async for event in events:
                if event["event"] == "child_stopping":
                    await kill_daemon(desk)
                    break
    async with supctl.connect(desk.base) as daemon:
        assert await daemon.ping() == "pong"


async def test_who_reads_lines_is_told_that_some_may_be_missed(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    async with supctl.connect(desk.base) as daemon:
        async with aclosing(daemon.lines("a")) as lines:  # type: ignore[type-var]
            assert await anext(lines) == {"event": "following"}
            await kill_daemon(desk)
            with pytest.raises(ConnectionLost):
                await anext(lines)
        assert await daemon.ping() == "pong"


async def test_a_daemon_that_has_ended_is_not_waited_for(desk: Desk) -> None:
    desk.run("daemon", "start")
    async with supctl.connect(desk.base) as daemon:
        desk.run("kill", "--yes")
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                await daemon.ping()


async def test_nothing_is_reached_behind_the_block(desk: Desk) -> None:
    desk.run("daemon", "start")
    async with supctl.connect(desk.base) as daemon:
        assert await daemon.ping() == "pong"
    with pytest.raises(ConnectionLost, match="closed from this side"):
        await daemon.ping()


async def test_errors_of_the_block_come_out_as_they_are(desk: Desk) -> None:
    desk.run("daemon", "start")
    with pytest.raises(LookupError, match="ours"):
        async with supctl.connect(desk.base):
            raise LookupError("ours")
    with trio.move_on_after(0.5) as scope:
        async with supctl.connect(desk.base):
            await trio.sleep_forever()
    assert scope.cancelled_caught


GREETER = """
from supctl import Actor
from supctl.errors import ConnectionLost

class Greeter(Actor):
    async def greet(self):
        raise ConnectionLost("the telephone", "it was cut")
"""


async def test_a_loss_that_the_daemon_tells_of_is_not_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.directory / "greeting.py").write_text(GREETER)
    monkeypatch.setenv("PYTHONPATH", f"{desk.directory}:{os.environ.get('PYTHONPATH', '')}")
    desk.run("daemon", "start")
    async with supctl.connect(desk.base) as daemon:
        await daemon.add("x", {"apps": {"greeter": {"actor": "greeting:Greeter"}}})
        with pytest.raises(ConnectionLost, match="telephone is over: it was cut"):
            await daemon.call("x/greeter", "greet")
    with (
        supctl.connect(desk.base) as client,
        pytest.raises(ConnectionLost, match="telephone is over: it was cut"),
    ):
        client.call("x/greeter", "greet")
