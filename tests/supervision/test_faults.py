"""Faults of code that is not ours, and of ours: contained, reported, and nobody waits for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest
import trio

from supctl import Actor, App, Supervisor, Tree, Worker, open_tree
from supctl import events as ev
from supctl.errors import ActorGone, InvalidState, StartFailed
from supctl.specs import ChildSpec
from supctl.supervision.local import LocalNode

OpenSimulated = Callable[..., AbstractAsyncContextManager[Tree]]
MakeApp = Callable[..., App]


class Quitter(Actor):
    """Ends in every way that Python knows."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.fault = fault

    async def init(self) -> None:
        if self.fault is not None:
            raise self.fault

    async def raise_(self, fault: BaseException) -> NoReturn:
        raise fault

    async def raise_beside(self, fault: BaseException) -> None:
        self.start_soon(self.raise_, fault)

    async def stay(self) -> None:
        await trio.sleep_forever()

    async def begin_to_break(self) -> None:
        self.start_soon(self._break_when_cancelled)

    async def _break_when_cancelled(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("in the middle of the end")


FAULTS = [RuntimeError("no database"), SystemExit(3), BaseExceptionGroup("both", [SystemExit(3)])]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_a_fault_in_init_is_a_start_that_failed(
    open_simulated: OpenSimulated, fault: BaseException
) -> None:
    with pytest.raises(StartFailed, match=r"no database|SystemExit: 3"):
        async with open_simulated(Supervisor("r", [Worker("q", Quitter, fault)]), {}):
            pass


@pytest.mark.parametrize("method", ["raise_", "raise_beside"])
@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_a_fault_later_is_a_crash(
    open_simulated: OpenSimulated,
    read_until: Callable[..., Any],
    method: str,
    fault: BaseException,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_simulated(Supervisor("r", [Worker("q", Quitter)]), {}) as tree:
        with tree.subscribe() as subscription:
            tree["q"].ref.cast(method, fault)
            seen = await read_until(subscription, ev.ChildStarted)
        (exited,) = [event for event in seen if isinstance(event, ev.ChildExited)]
        assert str(exited.reason) in (
            "crashed (RuntimeError: no database)",
            "crashed (SystemExit: 3)",
        )
    assert "Traceback" in caplog.text


async def test_sys_exit_in_a_factory_is_a_start_that_failed(open_simulated: OpenSimulated) -> None:
    def make() -> NoReturn:
        raise SystemExit("no plan")

    with pytest.raises(StartFailed, match="SystemExit: no plan"):
        async with open_simulated(Supervisor("r", make), {}):
            pass


async def test_sys_exit_in_a_handler_of_events_harms_nobody(
    open_simulated: OpenSimulated, app: MakeApp
) -> None:
    def handle(event: ev.Event) -> NoReturn:
        raise SystemExit("enough")

    spec = Supervisor("r", [app("a", "forever")])
    async with open_simulated(spec, {}, on_event=handle) as tree:
        assert tree["a"].status.state == "running"


async def test_ctrl_c_in_an_actor_ends_the_tree_and_its_programs(tmp_path: Path) -> None:
    children: list[ChildSpec] = [App("sleep", ["sleep", "1000"]), Worker("q", Quitter)]
    processes = []

    async def run() -> None:
        async with open_tree(Supervisor("r", children), log_directory=tmp_path) as tree:
            processes.append(psutil.Process(tree["sleep"].status.pid))
            tree["q"].ref.cast("raise_", KeyboardInterrupt())
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        await run()
    assert caught.value.subgroup(KeyboardInterrupt) is not None
    assert not processes[0].is_running()


async def test_what_breaks_while_it_is_killed_lets_nobody_wait(
    open_simulated: OpenSimulated,
) -> None:
    spec = Supervisor("r", [Worker("q", Quitter, grace=0)])
    async with open_simulated(spec, {}) as tree, trio.open_nursery() as nursery:
        ref = tree["q"].ref

        async def call() -> None:
            with pytest.raises(ActorGone):
                await ref.call("stay")

        await ref.call("begin_to_break")
        nursery.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        await tree["q"].stop()
        assert "in the middle of the end" in str(tree["q"].status.reason)
        assert tree["q"].status.state == "stopped"


async def test_a_fault_of_ours_answers_who_waits(
    open_simulated: OpenSimulated, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    spec = Supervisor("r", [Supervisor("s", [Worker("q", Quitter)])])
    async with open_simulated(spec, {}) as tree:
        below = tree.supervisor("s")

        def handle(*_: object) -> NoReturn:
            raise ZeroDivisionError

        node = below._node
        assert isinstance(node, LocalNode)
        monkeypatch.setattr(node.actor.core, "handle", handle)
        with pytest.raises(InvalidState, match="/s is broken"):
            await below.terminate_child("q")


async def test_a_child_that_is_added_while_its_namesake_is_deleted_stays(
    open_simulated: OpenSimulated,
) -> None:
    async with open_simulated(Supervisor("r", [Worker("q", Quitter)]), {}) as tree:
        root = tree.supervisor()
        await root.terminate_child("q")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(root.delete_child, "q")
            await trio.testing.wait_all_tasks_blocked()
            # Both answers wait for their task; the order in which they run is trio's.
            await root.start_child(Worker("q", Quitter))
        assert [row.name for row in tree.status()] == ["q"]
        assert [row.address for row in await root.which_children()] == ["/q"]
