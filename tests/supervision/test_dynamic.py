"""Children that come and go at run time: OTP's requests, on trees with simulated programs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from supctl import (
    IGNORE,
    Actor,
    App,
    DynamicSupervisor,
    PartitionSupervisor,
    Supervisor,
    Tree,
    Worker,
)
from supctl import events as ev
from supctl.backends.simulated import Program
from supctl.errors import (
    AlreadyPresent,
    AlreadyRunning,
    InvalidConfig,
    InvalidState,
    ProcessNotFound,
    StartFailed,
    Unsupported,
)
from supctl.specs.ignore import Ignore
from supctl.specs.policy import NO_BACKOFF

OpenSimulated = Callable[..., AbstractAsyncContextManager[Tree]]
MakeApp = Callable[..., App]


class Room(Actor):
    """Knows what it was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.made_with = args, kwargs

    async def tell(self) -> Any:
        return self.made_with

    async def crash(self) -> None:
        raise RuntimeError("asked to")

    async def leave(self) -> None:
        self.finish()


class Unneeded(Actor):
    async def init(self) -> Ignore:
        return IGNORE


class Broken(Actor):
    async def init(self) -> None:
        raise RuntimeError("no database")


# start_child and its relatives.


async def test_an_added_child_comes_last_and_is_lost_when_its_supervisor_restarts(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    web = Supervisor("web", [app("a", "forever")], max_restarts=0)
    async with open_simulated(Supervisor("r", [web]), {}) as tree:
        added = await tree.supervisor("web").start_child(app("b", "forever"))
        assert added is not None
        assert (added.address, added.state) == ("/web/b", "running")
        assert [handle.address for handle in tree] == ["/web", "/web/a", "/web/b"]
        with tree.subscribe() as subscription:
            tree["web/a"].signal(9)  # the supervisor gives up, and is restarted
            async for event in subscription:
                if isinstance(event, ev.ChildStarted) and event.address == "/web":
                    break
        assert [handle.address for handle in tree] == ["/web", "/web/a"]


async def test_each_misuse_has_its_own_error(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    pool = DynamicSupervisor("pool", Worker("room", Room))
    spec = Supervisor("r", [app("a", "forever"), app("b", "forever"), pool])
    async with open_simulated(spec, {}) as tree:
        root, rooms = tree.supervisor(), tree.supervisor("pool")
        with pytest.raises(AlreadyRunning):
            await root.start_child(app("a", "forever"))
        await root.terminate_child("b")
        with pytest.raises(AlreadyPresent):
            await root.start_child(app("b", "forever"))
        with pytest.raises(InvalidState):
            await root.restart_child("a")
        with pytest.raises(InvalidState):
            await root.delete_child("a")
        for request in (root.terminate_child, root.restart_child, root.delete_child):
            with pytest.raises(ProcessNotFound):
                await request("nobody")
        with pytest.raises(ProcessNotFound):
            await root.get_child_spec("nobody")
        with pytest.raises(StartFailed, match="no-such-program"):
            await root.start_child(app("c", "no-such-program"))
        with pytest.raises(ProcessNotFound):
            tree["c"]
        for request in (rooms.restart_child, rooms.delete_child):
            with pytest.raises(Unsupported):
                await request("1")
        with pytest.raises(Unsupported, match="start_instance"):
            await rooms.start_child(app("x", "forever"))
        with pytest.raises(Unsupported, match="start_child"):
            await root.start_instance()
        with pytest.raises(Unsupported, match="partitions"):
            root.route("key")
        with pytest.raises(InvalidState, match="an app"):
            tree.supervisor("a")


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"restart": "transient", "significant": True}, "children.x.significant"),
        ({"instances": 2}, "instances"),
        ({"depends_on": ["nobody"]}, "x.depends_on"),
        ({"depends_on": ["once"]}, "x.depends_on"),
    ],
)
async def test_a_child_that_cannot_be_added_is_refused(
    autojump_clock: MockClock,
    open_simulated: OpenSimulated,
    app: MakeApp,
    keys: dict[str, Any],
    field: str,
) -> None:
    spec = Supervisor("r", [app("once", "forever", restart="temporary")])
    async with open_simulated(spec, {}) as tree:
        with pytest.raises(InvalidConfig) as raised:
            await tree.supervisor().start_child(app("x", "forever", **keys))
        assert raised.value.field == field


async def test_terminate_restart_delete_and_what_is_told_of_it(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    spec = Supervisor("r", [app("a", "forever"), Supervisor("s"), app("b", "forever")])
    async with open_simulated(spec, {}) as tree:
        root = tree.supervisor()
        await root.terminate_child("b")
        rows = await root.which_children()
        assert [(row.name, row.state) for row in rows] == [
            ("b", "stopped"),
            ("s", "running"),
            ("a", "running"),
        ]
        counts = await root.count_children()
        assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (3, 2, 1, 2)
        assert await root.get_child_spec("b") == app("b", "forever")
        handle = await root.restart_child("b")
        assert handle is not None
        assert handle.state == "running"
        await root.terminate_child("b")
        await root.delete_child("b")
        assert [handle.address for handle in tree] == ["/a", "/s"]


async def test_a_request_to_a_supervisor_that_is_gone_is_refused(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    async with open_simulated(Supervisor("r", [Supervisor("s")]), {}) as tree:
        below = tree.supervisor("s")
        await tree["s"].stop()
        with pytest.raises(InvalidState, match="a supervisor that runs"):
            await below.count_children()


# Dynamic supervisors.


async def test_instances_have_the_templates_arguments_and_their_own(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    template = Worker("room", Room, "lobby", kwargs={"size": 1}, backoff=NO_BACKOFF)
    spec = Supervisor("r", [DynamicSupervisor("rooms", template, max_restarts=5)])
    async with open_simulated(spec, {}) as tree:
        rooms = tree.supervisor("rooms")
        first = await rooms.start_instance("north", colour="red")
        named = await rooms.start_instance(name="attic")
        second = await rooms.start_instance()
        assert first is not None
        assert named is not None
        assert second is not None
        addresses = [first.address, named.address, second.address]
        assert addresses == ["/rooms/1", "/rooms/attic", "/rooms/3"]
        made_with = (("lobby", "north"), {"size": 1, "colour": "red"})
        assert await first.ref.call("tell") == made_with
        with pytest.raises(RuntimeError):
            await first.ref.call("crash")
        first.ref.cast("crash")
        await first.ref.wait()
        assert first.restarts == 1
        assert await first.ref.call("tell") == made_with  # OTP-START-09
        await rooms.terminate_child("1")
        with pytest.raises(ProcessNotFound):
            tree["rooms/1"]
        counts = await rooms.count_children()
        assert (counts.specs, counts.active, counts.workers) == (1, 2, 2)


async def test_instances_that_are_asked_for_at_once_get_names_of_their_own(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    spec = Supervisor(
        "r", [DynamicSupervisor("rooms", Worker("room", Room, "a", kwargs={"size": 1}))]
    )
    async with open_simulated(spec, {}) as tree:
        rooms = tree.supervisor("rooms")
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(partial(rooms.start_instance, "north", colour="red"))
        names = [row.name for row in await rooms.which_children()]
        assert sorted(names, key=int) == [str(n) for n in range(1, 11)]


async def test_words_are_added_to_the_command_of_an_app(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    pool = DynamicSupervisor("pool", app("job", "forever"))
    async with open_simulated(Supervisor("r", [pool]), {}) as tree:
        job = await tree.supervisor("pool").start_instance("--port", 8080)
        assert job is not None
        assert isinstance(job.spec, App)
        assert job.spec.command == ("forever", "--port", "8080")


async def test_an_instance_that_has_done_its_work_is_gone(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    pool = DynamicSupervisor("pool", Worker("room", Room, restart="transient"))
    async with open_simulated(Supervisor("r", [pool]), {}) as tree:
        room = await tree.supervisor("pool").start_instance()
        assert room is not None
        ref = room.ref
        ref.cast("leave")
        assert (await ref.wait()).is_normal
        assert [handle.address for handle in tree] == ["/pool"]


async def test_thousands_of_instances_stop_together(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    pool = DynamicSupervisor("pool", app("job", "slow"))
    async with open_simulated(Supervisor("r", [pool]), {"slow": Program(stop_delay=3.0)}) as tree:
        for _ in range(2000):
            await tree.supervisor("pool").start_instance()
        began_at = trio.current_time()
        tree.stop()
        await tree.wait()
        assert trio.current_time() - began_at == 3.0


# Starts that find themselves not needed, and factories.


async def test_a_child_that_is_not_needed_does_not_run_and_that_is_well(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    spec = Supervisor("r", [Worker("w", Unneeded), app("a", "forever")])
    async with open_simulated(spec, {}) as tree:
        assert tree["w"].state == "stopped"
        assert tree["a"].state == "running"
        assert await tree.supervisor().start_child(Worker("v", Unneeded)) is None
        kinds = {type(event) for event in tree.latest_events if event.address == "/w"}
        assert kinds == {ev.ChildIgnored}


async def test_children_are_made_anew_at_every_start(
    autojump_clock: MockClock, open_simulated: OpenSimulated, app: MakeApp
) -> None:
    made: list[str] = []

    def children() -> list[App]:
        made.append(f"job-{len(made)}")
        return [app(made[-1], "forever")]

    async with open_simulated(Supervisor("r", [Supervisor("s", children)]), {}) as tree:
        await tree["s"].restart()
        assert [handle.address for handle in tree] == ["/s", "/s/job-1"]


async def test_a_factory_that_raises_is_a_failed_start_and_nothing_else(
    autojump_clock: MockClock,
    open_simulated: OpenSimulated,
    app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> list[App]:
        raise LookupError("no inventory")

    async with open_simulated(Supervisor("r", [app("a", "forever")]), {}) as tree:
        with pytest.raises(StartFailed, match="LookupError: no inventory"):
            await tree.supervisor().start_child(Supervisor("s", broken))
        twice = Supervisor("s", lambda: [app("x"), app("x")])
        with pytest.raises(StartFailed, match="differ inside one supervisor"):
            await tree.supervisor().start_child(twice)
        assert tree["a"].state == "running"
    assert "no inventory" in caplog.text  # with its traceback


async def test_the_roots_factory_too(open_simulated: OpenSimulated) -> None:
    def broken() -> list[App]:
        raise LookupError("no inventory")

    with pytest.raises(StartFailed, match="/ did not start: LookupError: no inventory"):
        async with open_simulated(Supervisor("r", broken), {}):
            raise AssertionError("it started")
    async with open_simulated(Supervisor("r", lambda: IGNORE), {}) as tree:
        assert (await tree.wait()).is_normal


async def test_a_worker_that_fails_to_start_is_answered_with_its_error(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    async with open_simulated(Supervisor("r"), {}) as tree:
        with pytest.raises(StartFailed, match="RuntimeError: no database"):
            await tree.supervisor().start_child(Worker("w", Broken))
        assert tree.status() == []


# Partitions.


async def test_work_is_spread_by_key_and_equal_keys_meet(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    pool = PartitionSupervisor("pool", Worker("room", Room), partitions=4)
    async with open_simulated(Supervisor("r", [pool]), {}) as tree:
        pool_handle = tree.supervisor("pool")
        assert [handle.address for handle in tree][1:] == [f"/pool/{n}" for n in range(1, 5)]
        assert [pool_handle.route(key).address for key in range(5)] == [
            "/pool/1",
            "/pool/2",
            "/pool/3",
            "/pool/4",
            "/pool/1",
        ]
        # By a checksum, not by hash(): the same in every run.
        assert pool_handle.route("alice").address == pool_handle.route("alice").address
        routed = {pool_handle.route(f"user-{n}").address for n in range(100)}
        assert len(routed) == 4
        assert await pool_handle.route("alice").ref.call("tell") == ((), {})
