"""Monitors, links, timers, names and groups, traces, and functions as workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from supctl import Actor, Ended, Ref, Supervisor, Worker, open_tree
from supctl.actors.incarnation import Down, Up
from supctl.actors.trace import Trace, Traced
from supctl.errors import InvalidConfig, NameTaken
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actors.conftest import Stage


class Friend(Actor):
    """Is bound to others, and remembers what it hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.timers: dict[str, Any] = {}

    async def handle_info(self, message: Any) -> None:
        self.heard.append(message)

    async def bind(self, how: str, ref: Ref[Any]) -> None:
        {"monitor": self.monitor, "link": self.link}[how](ref)

    async def unbind(self, how: str, ref: Ref[Any]) -> None:
        {"monitor": self.demonitor, "link": self.unlink}[how](ref)

    async def fail(self) -> None:
        raise ValueError("no")

    async def leave(self) -> None:
        self.finish()

    async def what(self) -> list[Any]:
        return self.heard

    async def start_timer(self, name: str, how: str, seconds: float) -> None:
        self.timers[name] = getattr(self, f"send_{how}")(seconds, name)

    async def stop_timer(self, name: str) -> None:
        self.timers[name].cancel()

    async def busy(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def enter(self, how: str, name: str) -> None:
        await getattr(self.registry, how)(name, self.ref)


class Trapping(Friend):
    trap_exits = True


CRASH = ExitReason(ExitKind.CRASHED, detail="ValueError: no")


async def friends(stage: Stage, *kinds: type[Friend]) -> list[Ref[Friend]]:
    return [await stage.start(kind, name=name) for kind, name in zip(kinds, "abc", strict=False)]


@pytest.mark.parametrize("kind", [Friend, Trapping])
async def test_who_monitors_is_told_of_any_end(stage: Stage, kind: type[Friend]) -> None:
    a, b, c = await friends(stage, kind, Friend, Friend)
    for ref in (b, b, c):
        await a.bind("monitor", ref)
    b.cast("fail")
    await b.wait()
    await c.stop()
    assert await a.what() == [Ended(b, CRASH), Ended(c, NORMAL)]
    await a.bind("monitor", b)  # one that has ended already
    assert (await a.what())[2:] == [Ended(b, CRASH)]


async def test_a_monitor_can_be_taken_back(stage: Stage) -> None:
    a, b = await friends(stage, Friend, Friend)
    await a.bind("monitor", b)
    await a.unbind("monitor", b)
    await b.stop()
    assert await a.what() == []


@pytest.mark.parametrize(("linker", "victim"), [("a", "b"), ("b", "a")])
async def test_a_crash_ends_both_whoever_made_the_link(
    stage: Stage, linker: str, victim: str
) -> None:
    refs = dict(zip("ab", await friends(stage, Friend, Friend), strict=True))
    other = "ab".replace(linker, "")
    await refs[linker].bind("link", refs[other])
    refs[victim].cast("fail")
    survivor = refs["ab".replace(victim, "")]
    told = f"LinkBroken: /{victim}, to which it is linked, has ended: {CRASH}"
    assert await survivor.wait() == ExitReason(ExitKind.CRASHED, detail=told)


async def test_a_link_ends_even_one_that_is_busy(stage: Stage) -> None:
    a, b = await friends(stage, Friend, Friend)
    await a.bind("link", b)
    a.cast("busy", 1e9)
    b.cast("fail")
    assert (await a.wait()).kind is ExitKind.CRASHED


@pytest.mark.parametrize("steps", range(6))
async def test_a_link_may_break_at_any_moment_of_an_end(stage: Stage, steps: int) -> None:
    a, b = await friends(stage, Friend, Friend)
    await a.bind("link", b)
    b.cast("fail")
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    stage.runners["a"].stop()
    assert (await a.wait()).kind in (ExitKind.SHUTDOWN, ExitKind.CRASHED)


async def test_a_normal_end_ends_nobody_else(stage: Stage) -> None:
    a, b, c = await friends(stage, Friend, Friend, Friend)
    await a.bind("link", b)
    await a.bind("link", c)
    await b.leave()
    stage.runners["c"].stop()
    assert (await b.wait(), await c.wait()) == (NORMAL, SHUTDOWN)
    assert await a.what() == []


async def test_who_traps_exits_is_told_instead(stage: Stage) -> None:
    a, b, c = await friends(stage, Trapping, Friend, Friend)
    for ref in (b, c):
        await a.bind("link", ref)
    b.cast("fail")
    await b.wait()
    await c.stop()
    assert await a.what() == [Ended(b, CRASH), Ended(c, NORMAL)]


async def test_linking_to_what_has_crashed_ends_at_once(stage: Stage) -> None:
    a, b = await friends(stage, Friend, Friend)
    b.cast("fail")
    await b.wait()
    a.cast("bind", "link", b)
    assert "to which it is linked" in (await a.wait()).detail


async def test_a_link_can_be_taken_back_by_either(stage: Stage) -> None:
    a, b = await friends(stage, Friend, Friend)
    await a.bind("link", b)
    await b.unbind("link", a)
    b.cast("fail")
    await b.wait()
    assert await a.what() == []


async def test_who_has_ended_is_remembered_by_nobody(stage: Stage) -> None:
    a, b = await friends(stage, Friend, Friend)
    for how in ("monitor", "link"):
        await b.bind(how, a)
    await b.stop()
    assert not stage.runners["a"].life._watchers


async def test_timers_send_once_or_in_their_pace(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    (a,) = await friends(stage, Friend)
    await a.start_timer("once", "after", 2.5)
    await a.start_timer("often", "every", 1.0)
    await trio.sleep(4.2)
    assert await a.what() == ["often", "often", "once", "often", "often"]
    await a.stop_timer("often")
    await trio.sleep(10)
    assert len(await a.what()) == 5


async def test_a_slow_actor_gets_fewer_ticks_not_ever_more(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    (a,) = await friends(stage, Friend)
    await a.start_timer("tick", "every", 1.0)
    with trio.move_on_after(10.5):
        await a.call("busy", 100.0, timeout=1000)
    assert await a.what() == ["tick"]
    await trio.sleep(1)
    assert await a.what() == ["tick", "tick"]


async def test_a_message_of_a_timer_that_was_cancelled_does_not_come(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    (a,) = await friends(stage, Friend)
    await a.start_timer("soon", "after", 1.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.busy, 2.0)
        await trio.sleep(0.5)
        nursery.start_soon(a.stop_timer, "soon")
        await trio.sleep(1.0)  # its message waits behind what stops it
    assert await a.what() == []


async def test_timers_want_seconds(stage: Stage) -> None:
    (a,) = await friends(stage, Friend)
    with pytest.raises(InvalidConfig, match="0 seconds or more"):
        await a.start_timer("x", "after", -1.0)
    with pytest.raises(InvalidConfig, match="more than 0 seconds"):
        await a.start_timer("x", "every", 0.0)


async def test_names_are_held_by_one_as_long_as_it_lives(stage: Stage) -> None:
    a, b = await friends(stage, Friend, Friend)
    await a.enter("register", "boss")
    await a.enter("register", "boss")
    assert await stage.registry.whereis("boss") == a
    with pytest.raises(NameTaken, match="'boss' is the name of /a"):
        await b.enter("register", "boss")
    await a.stop()
    assert await stage.registry.whereis("boss") is None
    await b.enter("register", "boss")
    await stage.registry.unregister("boss")
    await stage.registry.unregister("boss")
    assert await stage.registry.whereis("boss") is None
    await stage.registry.register("late", a)  # has ended
    assert await stage.registry.whereis("late") is None


async def test_groups_hold_those_who_live(stage: Stage) -> None:
    a, b, c = await friends(stage, Friend, Friend, Friend)
    for ref in (a, b, c, a):
        await ref.enter("join", "room")
    assert await stage.registry.members("room") == [a, b, c]
    await a.enter("leave", "room")
    await b.stop()
    assert await stage.registry.members("room") == [c]
    await c.stop()
    await stage.registry.join("room", c)
    assert await stage.registry.members("room") == []
    assert stage.registry._groups == {}


async def test_a_tree_has_one_registry(tmp_path: Path) -> None:
    spec = Supervisor("r", [Worker("a", Friend), Supervisor("s", [Worker("b", Friend)])])
    async with open_tree(spec, log_directory=tmp_path / "logs") as tree:
        await tree["s/b"].ref.enter("register", "boss")
        assert await tree.registry.whereis("boss") == tree["s/b"].ref
        with pytest.raises(NameTaken):
            await tree["a"].ref.enter("register", "boss")


async def test_a_trace_shows_what_is_handled(stage: Stage) -> None:
    (a,) = await friends(stage, Friend)
    await a.what()  # before anybody looks
    async with a.trace() as lines:
        await a.bind("monitor", a)
        with pytest.raises(ValueError, match="no"):
            await a.fail()
        a.send("x" * 1000)
        a.cast("leave")
        told = [line async for line in lines]
    shown = [(line.method, line.outcome) for line in told]
    assert shown == [
        ("bind", "ok"), ("fail", "ValueError('no')"), ("handle_info", "ok"), ("leave", "ok"),
    ]  # fmt: skip
    assert told[0].args == "'monitor', <Ref to Friend /a>"
    assert len(told[2].args) < 100
    assert "fail() took" in str(told[1])


async def test_a_trace_shows_what_was_cancelled(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    (a,) = await friends(stage, Friend)
    async with a.trace() as lines:
        with trio.move_on_after(1):
            await a.busy(10)
        assert (await anext(lines)).outcome == "cancelled"
    await a.what()
    assert stage.runners["a"].life.traces is None


async def test_a_slow_reader_of_a_trace_is_told_how_much_it_missed() -> None:
    trace = Trace(limit=2)
    for n in range(5):
        trace.add(Traced(f"m{n}", "", 0.0, "ok"))
    trace.end()
    assert [(line.method, line.missed) async for line in trace] == [("m3", 3), ("m4", 0)]
    assert str(Traced("m", "1", 0.5, "ok", 3)) == "... 3 missed ...\nm(1) took 500.00 ms: ok"


class Untellable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Stateful(Actor):
    def __init__(self) -> None:
        self.items = list(range(100_000))
        self.odd = Untellable()
        self._hidden = 1


class Frank(Stateful):
    async def describe(self) -> Any:
        return {"items": len(self.items)}


async def test_a_description_is_short_and_a_class_may_know_better(stage: Stage) -> None:
    told = await (await stage.start(Stateful)).describe()
    assert told.keys() == {"items", "odd"}
    assert len(told["items"]) < 100
    assert "Untellable" in told["odd"]
    assert await (await stage.start(Frank)).describe() == {"items": 100_000}


async def _greet(heard: list[str], *, name: str) -> None:
    heard.append(name)


async def _fail() -> None:
    raise ValueError("no")


async def _stay(heard: list[str]) -> None:
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(1)
        heard.append("cleaned up")


async def test_a_function_is_a_worker_that_ends_when_it_returns(stage: Stage) -> None:
    heard: list[str] = []
    ref = await stage.start(_greet, heard, kwargs={"name": "Ada"}, name="greet")
    assert await ref.wait() == NORMAL
    assert heard == ["Ada"]
    assert stage.reports["greet"] == [Up(), Down(NORMAL)]


async def test_a_function_that_raises_is_a_crash(stage: Stage) -> None:
    ref = await stage.start(_fail, name="fail")
    assert await ref.wait() == CRASH
    assert stage.reports["fail"] == [Up(), Down(CRASH)]


async def test_a_function_that_is_stopped_is_cancelled_within_its_grace(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    heard: list[str] = []
    ref = await stage.start(_stay, heard, name="stay", grace=2.0)
    began_at = trio.current_time()
    stage.runners["stay"].stop()
    assert await ref.wait() == SHUTDOWN
    assert trio.current_time() - began_at == 1.0
    assert heard == ["cleaned up"]


def test_a_function_that_was_called_already_is_refused() -> None:
    made = _fail()
    with pytest.raises(InvalidConfig, match="not yet called"):
        Worker("w", made)  # type: ignore[arg-type]
    made.close()
