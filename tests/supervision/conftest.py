"""Trees on the simulated backend: virtual time, no real process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from supctl import App, Supervisor, Tree, open_tree
from supctl.backends.simulated import Program, Script, SimulatedBackend
from supctl.supervision.eventlog import Subscription

OpenSimulated = Callable[..., AbstractAsyncContextManager[Tree]]


@pytest.fixture
def open_simulated(tmp_path: Path) -> OpenSimulated:
    """Open a tree whose programs are scripts: ``open_simulated(spec, {"program": Program()})``."""

    def opened(
        spec: Supervisor, programs: dict[str, Script], **options: Any
    ) -> AbstractAsyncContextManager[Tree]:
        backend = SimulatedBackend({"forever": Program(), **programs})
        return open_tree(spec, backend=backend, log_directory=tmp_path, **options)

    return opened


@pytest.fixture
def app() -> Callable[..., App]:
    """Make an app that runs the program of its name, unless told another."""

    def make(name: str, program: str = "", **keys: Any) -> App:
        return App(name, [program or name], env={}, **keys)

    return make


@pytest.fixture
def read_until() -> Callable[..., Any]:
    """Read events until one is of a type, and return all of them."""

    async def read(subscription: Subscription, kind: type[Any], times: int = 1) -> list[Any]:
        seen = []
        async for event in subscription:
            seen.append(event)
            times -= isinstance(event, kind)
            if times == 0:
                return seen
        raise AssertionError(f"the tree ended without {kind.__name__}: {seen}")

    return read
