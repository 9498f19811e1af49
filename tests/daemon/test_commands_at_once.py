"""Commands for the same child at once: they are one, or the second waits, and says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from supctl import App, Delay, Stop, Supervisor, open_tree
from supctl.backends.simulated import Program, SimulatedBackend
from supctl.daemon.control import Control
from supctl.daemon.desired import Desired, DesiredFile
from supctl.daemon.errands import Errands
from supctl.daemon.keeper import Keeper
from supctl.errors import ActorTimeout

pytestmark = pytest.mark.simulated

SLOW = Program(stop_delay=5, stop_code=5)


class Forgetful(Keeper):
    """Saves nothing: no thread, so that the virtual clock is exact."""

    async def keep(self) -> None:
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def desk(tmp_path: Path, *apps: App) -> AsyncIterator[Control]:
    backend = SimulatedBackend({"slow": SLOW, "late": Program(start_delay=0.0)})
    root = Supervisor("daemon", apps, max_restarts=None, start_failures="retry")
    keeper = Forgetful(DesiredFile(tmp_path / "desired.json"), Desired())
    async with (
        open_tree(root, backend=backend, log_directory=tmp_path / "logs") as tree,
        trio.open_nursery() as nursery,
    ):
        yield Control(tree, keeper, Errands(nursery))


def slow() -> App:
    return App("slow", ["slow"], env={}, stop=Stop(grace=60))


async def both(control: Control, first: str, second: str) -> list[dict[str, Any]]:
    """Ask for two things, the second a second after the first; return their outcomes."""
    outcomes: dict[int, dict[str, Any]] = {}

    async def ask(place: int, method: str) -> None:
        await trio.sleep(place)
        (outcomes[place],) = await getattr(control, method)(names=["slow"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, 0, first)
        nursery.start_soon(ask, 1, second)
    return [outcomes[0], outcomes[1]]


@pytest.mark.parametrize(
    ("first", "second", "did", "state"),
    [
        ("stop", "stop", ["stopped", "was being stopped"], "stopped"),
        ("restart", "restart", ["restarted", "joined the restart under way"], "running"),
        ("stop", "start", ["stopped", "started"], "running"),
        ("stop", "restart", ["stopped", "restarted"], "running"),
        ("restart", "start", ["restarted", "joined the restart under way"], "running"),
    ],
)
async def test_two_for_one_child(
    autojump_clock: MockClock,
    tmp_path: Path,
    first: str,
    second: str,
    did: list[str],
    state: str,
) -> None:
    async with desk(tmp_path, slow()) as control:
        began_at = trio.current_time()
        outcomes = await both(control, first, second)
        assert [it["did"] for it in outcomes] == did
        assert trio.current_time() == began_at + 5
        assert control._tree["slow"].state == state
        assert control._tree["slow"].restarts == 0
        await control.stop(names=["slow"], force=True)


async def test_a_stop_waits_for_the_restart_before_it(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with desk(tmp_path, slow()) as control:
        outcomes = await both(control, "restart", "stop")
        assert outcomes[1]["did"] == "stopped"
        assert control._tree["slow"].state == "stopped"


async def test_a_start_waits_for_one_under_way(autojump_clock: MockClock, tmp_path: Path) -> None:
    late = App("slow", ["late"], env={}, ready=Delay(10), autostart=False)
    async with desk(tmp_path, late) as control:
        outcomes = await both(control, "start", "start")
        assert [it["did"] for it in outcomes] == ["started", "was starting"]
        assert trio.current_time() >= 10


async def test_what_is_not_waited_for_goes_on(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with desk(tmp_path, slow()) as control:
        (outcome,) = await control.stop(names=["slow"], wait=False)
        assert outcome["did"] == "asked"
        (outcome,) = await control.stop(names=["slow"], timeout=1)
        assert outcome["error"]["code"] == ActorTimeout.code
        (outcome,) = await control.stop(names=["slow"])
        assert (outcome["did"], outcome["status"]) == ("was being stopped", 5)
