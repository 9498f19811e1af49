"""The daemon is killed, and actors in processes of their own live on with their memory."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from supctl.errors import ConnectionLost, SupctlError

from .conftest import Desk, until

ACTORS = """
import os

import trio

from supctl import Actor


class Counter(Actor):
    total = 0

    async def init(self):
        await self.registry.register(self.address.rpartition("/")[2], self.ref)

    async def add(self, n=1):
        self.total += n
        return self.total

    async def pid(self):
        return os.getpid()

    async def fail(self):
        raise ValueError("no luck")

    async def whose(self, name):
        return (await self.registry.whereis(name)) is not None

    async def terminate(self, reason):
        print("ends", self.total, flush=True)


class Slow(Counter):
    async def terminate(self, reason):
        await trio.sleep(1)
        print("ends", self.total, flush=True)
"""

SURVIVES = """
[apps.counter]
actor = "counting:Counter"
isolation = "process"
on_daemon_loss = "survive"
"""


@pytest.fixture(autouse=True)
def counting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.directory / "counting.py").write_text(ACTORS)
    monkeypatch.setenv("PYTHONPATH", str(desk.directory), prepend=os.pathsep)


def start(desk: Desk, text: str = SURVIVES) -> None:
    desk.run("start", desk.write(text))


def kill_daemon(desk: Desk) -> int:
    """Kill the daemon; return the pid that it had."""
    pid: int = desk.json("daemon", "status")["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


def call(desk: Desk, name: str, method: str, *args: Any) -> Any:
    with desk.client() as client:
        return client.call(name, method, *args)


def row(desk: Desk, name: str) -> dict[str, Any]:
    (row,) = desk.json("status", name)
    found: dict[str, Any] = row
    return found


def test_it_keeps_its_memory_and_its_pid(desk: Desk) -> None:
    start(desk)
    pid = desk.pid("counter")
    for round in range(1, 4):
        assert call(desk, "counter", "add") == round
        kill_daemon(desk)
        assert (desk.pid("counter"), call(desk, "counter", "pid")) == (pid, pid)
    assert row(desk, "counter")["restarts"] == 0
