"""Python actors as tasks: calls, casts, and an exit reason for every end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from supctl import Actor, Worker
from supctl.actors.incarnation import Down, Killed, NotUp, Report, Up
from supctl.actors.mailbox import Item, Mailbox, Policy
from supctl.actors.message import Info
from supctl.actors.worker import WorkerActor, load_actor
from supctl.errors import ActorGone, ActorTimeout, InvalidConfig, MailboxFull
from supctl.exits import ExitKind, ExitReason


class Counter(Actor):
    def __init__(self, start: int = 0) -> None:
        self.total = start
        self.ended: ExitReason | None = None

    async def add(self, n: int = 1) -> int:
        self.total += n
        return self.total

    async def fail(self) -> None:
        raise ValueError("no")

    async def hang(self) -> None:
        await trio.sleep_forever()

    async def spin_off(self) -> None:
        self.start_soon(self.fail)

    async def _private(self) -> None:
        raise AssertionError("not for others")


class BadInit(Actor):
    async def init(self) -> None:
        raise OSError("no disk")


class DeafTerminate(Actor):
    async def terminate(self, reason: ExitReason) -> None:
        await trio.sleep_forever()


class Life:
    """A worker's life under test, with its reports."""

    def __init__(self, spec: Worker) -> None:
        self.reports: list[Report] = []
        self.actor = WorkerActor(spec, "/w", self.hear)
        self.settled = trio.Event()
        self.over = trio.Event()

    def hear(self, report: Report) -> None:
        self.reports.append(report)
        self.settled.set()

    async def run(self) -> None:
        await self.actor.run()
        self.over.set()


@asynccontextmanager
async def living(kind: type[Actor], *args: Any, grace: float = 5.0) -> AsyncIterator[Life]:
    life = Life(Worker("w", kind, *args, grace=grace))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.run)
        await life.settled.wait()
        yield life
        life.actor.stop()


async def test_call_returns_and_cast_is_handled_before_it() -> None:
    async with living(Counter, 40) as life:
        life.actor.ref.cast("add", 1)
        assert await life.actor.ref.call("add") == 42
        assert life.actor.state == "running"
    assert life.reports == [Up(), Down(ExitReason(ExitKind.SHUTDOWN))]


async def test_exception_in_a_call_goes_to_the_caller_and_ends_nothing() -> None:
    async with living(Counter) as life:
        with pytest.raises(ValueError, match="no"):
            await life.actor.ref.call("fail")
        assert await life.actor.ref.call("add") == 1


@pytest.mark.parametrize("method", ["fail", "spin_off"])
async def test_exception_in_a_cast_or_a_task_ends_the_actor(method: str) -> None:
    async with living(Counter) as life:
        life.actor.ref.cast(method)
        await life.over.wait()
    assert life.reports[-1] == Down(ExitReason(ExitKind.CRASHED, detail="ValueError: no"))


async def test_what_waits_when_the_actor_ends_is_told() -> None:
    async with living(Counter) as life, trio.open_nursery() as nursery:
        nursery.start_soon(expect_gone, life)
        nursery.start_soon(expect_gone, life)
        await trio.testing.wait_all_tasks_blocked()
        life.actor.kill()
    with pytest.raises(ActorGone):
        await life.actor.ref.call("add")
    life.actor.ref.cast("add")  # goes nowhere, quietly
    assert (await life.actor.ref.wait()).kind is ExitKind.KILLED


async def expect_gone(life: Life) -> None:
    with pytest.raises(ActorGone):
        await life.actor.ref.call("hang")


async def test_call_times_out(autojump_clock: trio.testing.MockClock) -> None:
    async with living(Counter, grace=1.0) as life:
        with pytest.raises(ActorTimeout) as caught:
            await life.actor.ref.call("hang", timeout=3.0)
        assert (caught.value.method, caught.value.seconds) == ("hang", 3.0)


async def test_private_methods_are_not_for_others() -> None:
    async with living(Counter) as life:
        for name in ("_private", "terminate", "init", "start_soon", "nothing"):
            with pytest.raises(AttributeError):
                await life.actor.ref.call(name)


async def test_failing_init_is_a_failed_start() -> None:
    async with living(BadInit) as life:
        pass
    assert life.reports == [NotUp(ExitReason(ExitKind.START_FAILED, detail="OSError: no disk"))]


async def test_terminate_is_cut_off_when_its_grace_ends(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(DeafTerminate, grace=2.0) as life:
        asked_at = trio.current_time()
    assert trio.current_time() - asked_at == 2.0
    assert isinstance(life.reports[-2], Killed)
    assert isinstance(life.reports[-1], Down)
    assert life.reports[-1].reason.kind is ExitKind.KILLED


def test_load_actor_names_what_is_wrong() -> None:
    for place in ("nowhere:Counter", "supctl.exits:Nothing", "supctl.exits:ExitReason"):
        with pytest.raises(InvalidConfig, match="actor"):
            load_actor(place)


async def test_full_mailbox_refuses() -> None:
    mailbox = Mailbox("/w")
    mailbox.bound(2, Policy.REFUSE)
    mailbox.put(Info(1))
    mailbox.put(Info(2))
    with pytest.raises(MailboxFull, match="2 messages"):
        mailbox.put(Info(3))
    assert [shown(await mailbox.get()), shown(await mailbox.get())] == [1, 2]


async def test_urgent_messages_come_first_and_never_count() -> None:
    mailbox = Mailbox("/w")
    mailbox.bound(1, Policy.REFUSE)
    mailbox.put(Info(1))
    mailbox.put_urgent(Info(2))
    mailbox.put_urgent(Info(3))
    assert [shown(await mailbox.get()) for _ in range(3)] == [2, 3, 1]


def shown(message: Item) -> Any:
    assert isinstance(message, Info)
    return message.args[0]


async def test_cancelled_get_loses_nothing() -> None:
    mailbox = Mailbox()
    with trio.move_on_after(0):
        await mailbox.get()
    mailbox.put(Info(1))
    assert shown(await mailbox.get()) == 1
