"""``supctl.connect()``: all of its methods, from four threads at once and under trio."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from typing import Any

import pytest
import trio

import supctl
from supctl.control.methods import Methods

from .conftest import Desk

SLEEPER = {"command": ["sleep", "1000"], "cwd": "/", "inherit_env": "nothing"}
ACTOR = {"actor": "greeting:Greeter"}

GREETER = """
from supctl import Actor

class Greeter(Actor):
    async def greet(self, name):
        return f"hello {name}"
"""

Ask = Callable[..., Awaitable[Any]]


async def go_through(ask: Ask, project: str) -> set[str]:
    """Call every method but ``shutdown``, on a project of one's own; return their names.

    Of a stream, ``ask`` returns the first item.
    """
    asked: set[str] = set()

    async def call(method: str, *args: Any, **kwargs: Any) -> Any:
        asked.add(method)
        return await ask(method, *args, **kwargs)

    def did(outcomes: Any) -> list[str]:
        return [outcome["did"] for outcome in outcomes]

    app = f"{project}/app"
    tree = {"apps": {"app": SLEEPER, "actor": ACTOR}}
    assert await call("ping") == "pong"
    assert (await call("about"))["pid"]
    assert (await call("add", project, tree, timeout=30))["did"] == "added"
    known = {"name": project, "source": "", "profile": "", "watch_config": ""}
    assert known in await call("projects")
    assert not any(it["will"] for it in await call("plan", project, tree))
    assert did(await call("stop", app, graceful=False, timeout=30)) == ["killed"]
    assert did(await call("start", app)) == ["started"]
    (stopped,) = await call("stop", app, timeout=30)
    assert (stopped["did"], stopped["status"]) == ("stopped", 143)
    assert did(await call("restart", app)) == ["started"]
    assert did(await call("pause", app)) == ["paused"]
    assert did(await call("resume", app)) == ["goes on"]
    assert did(await call("scale", app, 2)) == ["removed", "added", "added"]
    tree = {"apps": {"app": SLEEPER, "actor": ACTOR, "more": SLEEPER}}
    assert "added" in did(await call("update", project, tree))
    assert [row["state"] for row in await call("status", app)] == ["running"]
    assert (await call("health", app))[0]["health"] is None
    assert (await call("describe", app))["address"] == f"/{app}"
    assert [it["address"] for it in await call("why", app)] == [f"/{app}"]
    assert await call("env", app) == {}
    assert (await call("inspect", app))[0]["address"] == f"/{app}"
    assert (await call("wait", app, wanted="running", timeout=30))["held"]
    assert did(await call("signal", app, number=18)) == ["signalled"]
    assert await call("call", f"{project}/actor", "greet", "you") == "hello you"
    assert did(await call("reset", app)) == ["counts from 0"]
    assert project in (await call("save"))["projects"]
    assert await call("resurrect") == []
    assert (await call("events", app))["event"] == "child_started"
    assert {it["stream"] for it in await call("outputs", app)} == {"stdout", "stderr"}
    assert all(path.endswith(".log") for path in await call("rotate_logs", app))
    assert all(it["path"].endswith(".log") for it in await call("flush_logs", app))
    assert await call("lines", app) == {"event": "following"}
    assert did(await call("delete", project)) == ["deleted"]
    return asked


ALL = {name for name, it in vars(Methods).items() if inspect.isfunction(it) and name[0] != "_"}


@pytest.fixture
def running(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose daemon runs, and finds the actor."""
    (desk.directory / "greeting.py").write_text(GREETER)
    monkeypatch.setenv("PYTHONPATH", f"{desk.directory}:{os.environ.get('PYTHONPATH', '')}")
    desk.run("daemon", "start")
    return desk


def test_four_threads_at_once_use_one_client(running: Desk) -> None:
    def work(client: Any, project: str) -> set[str]:
        async def ask(method: str, *args: Any, **kwargs: Any) -> Any:
            answer = getattr(client, method)(*args, **kwargs)
            if not isinstance(answer, Iterator):
                return answer
            with closing(answer):  # type: ignore[type-var]
                return next(answer)

        try:
            go_through(ask, project).send(None)
        except StopIteration as done:
            asked: set[str] = done.value
            return asked
        raise AssertionError("it waits for an event loop")

    with supctl.connect(running.base) as client, ThreadPoolExecutor(4) as pool:
        asked = pool.map(lambda name: work(client, name), ["a", "b", "c", "d"])
        assert list(asked) == [ALL - {"shutdown", "upgrade"}] * 4
        client.shutdown()


async def test_trio_has_the_same(running: Desk) -> None:
    async with supctl.connect(running.base) as daemon:

        async def ask(method: str, *args: Any, **kwargs: Any) -> Any:
            answer = getattr(daemon, method)(*args, **kwargs)
            if not isinstance(answer, AsyncIterator):
                return await answer
            async with aclosing(answer) as items:  # type: ignore[type-var]
                return await anext(items)

        asked: list[set[str]] = []

        async def work(project: str) -> None:
            asked.append(await go_through(ask, project))

        async with trio.open_nursery() as nursery:
            for project in "abcd":
                nursery.start_soon(work, project)
        assert asked == [ALL - {"shutdown", "upgrade"}] * 4
        await daemon.shutdown()
