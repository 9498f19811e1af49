"""Bounded mailboxes: what happens when they are full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from supctl import Actor
from supctl.actors.mailbox import Mailbox, Policy
from supctl.actors.message import End, Info
from supctl.errors import MailboxFull

if TYPE_CHECKING:
    from tests.actors.conftest import Stage


class Slow(Actor):
    """Handles nothing before it is let go."""

    mailbox_capacity = 2

    def __init__(self) -> None:
        self.seen: list[int] = []

    async def hold(self, go_on: trio.Event) -> None:
        await go_on.wait()

    async def note(self, n: int) -> int:
        self.seen.append(n)
        return n


class Refusing(Slow):
    mailbox_policy = "refuse"


class Dropping(Slow):
    mailbox_policy = "drop_oldest"


async def held(stage: Stage, kind: type[Slow]) -> tuple[Any, trio.Event]:
    """Return an actor that is busy, with an empty mailbox, and what lets it go on."""
    ref, go_on = await stage.start(kind), trio.Event()
    ref.cast("hold", go_on)
    await trio.testing.wait_all_tasks_blocked()
    return ref, go_on


async def test_with_wait_callers_wait_and_casts_are_refused(stage: Stage) -> None:
    ref, go_on = await held(stage, Slow)
    async with trio.open_nursery() as nursery:
        for n in range(5):
            nursery.start_soon(ref.call, "note", n)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(MailboxFull, match=r"the mailbox of /slow is full \(2 messages\)"):
            ref.cast("note", 99)
        with pytest.raises(MailboxFull):
            ref.send("hello")
        go_on.set()
    assert "0" in (await ref.describe())["seen"]
    ref.cast("note", 7)


async def test_with_refuse_both_are_refused(stage: Stage) -> None:
    ref, go_on = await held(stage, Refusing)
    ref.cast("note", 1)
    ref.cast("note", 2)
    with pytest.raises(MailboxFull):
        ref.cast("note", 3)
    with pytest.raises(MailboxFull):
        await ref.note(3)
    go_on.set()
    await trio.testing.wait_all_tasks_blocked()
    assert (await ref.describe())["seen"] == "[1, 2]"


async def test_with_drop_oldest_the_caller_of_what_is_dropped_is_told(stage: Stage) -> None:
    ref, go_on = await held(stage, Dropping)
    async with trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(MailboxFull):
                await ref.note(1)

        nursery.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        for n in range(2, 6):
            ref.cast("note", n)
        await trio.testing.wait_all_tasks_blocked()
    go_on.set()
    await trio.testing.wait_all_tasks_blocked()
    assert (await ref.describe())["seen"] == "[4, 5]"


async def test_calls_that_nobody_waits_for_any_more_make_room(stage: Stage) -> None:
    ref, go_on = await held(stage, Refusing)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ref.call, "note", 1)
        nursery.start_soon(ref.call, "note", 2)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    ref.cast("note", 3)
    go_on.set()
    await trio.testing.wait_all_tasks_blocked()
    assert (await ref.describe())["seen"] == "[3]"


async def test_a_full_mailbox_can_be_described_and_stopped(stage: Stage) -> None:
    ref, go_on = await held(stage, Refusing)
    ref.cast("note", 1)
    ref.cast("note", 2)
    async with trio.open_nursery() as nursery:

        async def describe() -> None:
            assert await ref.describe() == {"seen": "[]"}

        nursery.start_soon(describe)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ref.stop)
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()


def test_what_the_actor_itself_has_put_is_never_dropped() -> None:
    mailbox = Mailbox("/w")
    mailbox.bound(1, Policy.DROP_OLDEST)
    mailbox.put_own(End.FINISH)
    mailbox.put(Info(1))
    mailbox.put(Info(2))
    assert mailbox.take() is End.FINISH
    assert len(mailbox) == 1
