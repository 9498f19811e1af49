"""What the tests of actors share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from supctl import Supervisor, Tree, Worker, open_tree
from supctl.actors.incarnation import Report
from supctl.actors.registry import TreeRegistry
from supctl.actors.worker import WorkerActor

Open = Callable[..., AbstractAsyncContextManager[Tree]]


class Stage:
    """Where actors live, and what is heard of them."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.registry = TreeRegistry()
        self.reports: dict[str, list[Report]] = {}
        self.runners: dict[str, WorkerActor] = {}

    async def start(self, actor: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Start an actor and return a reference to it, once it has reported."""
        name = options.pop("name", actor.__name__.lower())
        settled = trio.Event()
        heard = self.reports[name] = []

        def hear(report: Report) -> None:
            heard.append(report)
            settled.set()

        spec = Worker(name, actor, *args, **options)
        runner = self.runners[name] = WorkerActor(spec, f"/{name}", hear, self.registry)
        self._nursery.start_soon(runner.run)
        await settled.wait()
        return runner.ref


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A place for actors; they are stopped at the end of the test."""
    async with trio.open_nursery() as nursery:
        stage = Stage(nursery)
        yield stage
        for runner in stage.runners.values():
            runner.stop()


@pytest.fixture
def open_workers(tmp_path: Path) -> Open:
    """Open a tree with these workers."""

    @asynccontextmanager
    async def opened(*workers: Worker, **options: Any) -> AsyncIterator[Tree]:
        spec = Supervisor("r", workers, max_restarts=None)
        async with open_tree(spec, log_directory=tmp_path / "logs", **options) as tree:
            yield tree

    return opened
