"""What users do with a reference: calls, casts and messages, checked before they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest
import trio

from supctl import Actor, Ref
from supctl.actors.circle import Chain
from supctl.actors.incarnation import Killed
from supctl.errors import (
    ActorGone,
    ActorTimeout,
    CircularCall,
    InvalidConfig,
    IsNoStream,
    IsStream,
    UnknownMethod,
)
from supctl.exits import NORMAL, ExitKind

if TYPE_CHECKING:
    from tests.actors.conftest import Stage


class Counter(Actor):
    def __init__(self) -> None:
        self.total = 0
        self._secret = 1

    async def add(self, n: int) -> int:
        self.total += n
        return self.total

    async def ticks(self, n: int = 3) -> AsyncIterator[int]:
        for tick in range(n):
            yield tick

    def plain(self) -> None:
        raise AssertionError("not async, so not for others")

    async def _private(self) -> None:
        raise AssertionError("not for others")


class Sleeper(Actor):
    """Sleeps, and remembers how that ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    async def sleep(self, cleanup: float = 0.0) -> str:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await trio.sleep(cleanup)
            self.ends.append("cancelled")
            raise
        return "never"

    async def sleep_badly(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("cannot be cancelled in peace")

    async def hold(self, go_on: trio.Event) -> None:
        await go_on.wait()

    async def note(self, end: str) -> None:
        self.ends.append(end)

    async def how(self) -> list[str]:
        return self.ends


async def test_methods_are_called_through_the_reference(stage: Stage) -> None:
    ref: Ref[Counter] = await stage.start(Counter)
    assert await ref.add(2) == 2
    assert await ref.add(n=3) == 5
    assert await ref.call("add", 1) == 6
    ref.cast("add", 10)
    assert await ref.add(0) == 16
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ref.add, 4)
    assert await ref.add(0) == 20
    assert repr(ref) == "<Ref to Counter /counter>"


async def test_references_to_one_life_are_equal(stage: Stage) -> None:
    ref = await stage.start(Counter)
    assert ref == stage.runners["counter"].ref
    assert len({ref, stage.runners["counter"].ref}) == 1
    assert ref != await stage.start(Counter, name="other")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ad", r"Counter\.ad .*: there is no such method; did you mean 'add'\?"),
        ("zzzzzz", r"Counter\.zzzzzz .*: there is none"),
        ("_private", "it is private"),
        ("plain", "it is no async method"),
        ("init", "it belongs to supctl.Actor"),
        ("start_soon", "it belongs to supctl.Actor"),
        ("mailbox_policy", "it belongs to supctl.Actor"),
    ],
)
async def test_what_is_not_for_others_is_refused_at_once(
    stage: Stage, name: str, told: str
) -> None:
    ref = await stage.start(Counter)
    for use in (ref.call, ref.cast, ref.stream):
        with pytest.raises(UnknownMethod, match=told):
            use(name)
    with pytest.raises(AttributeError):
        getattr(ref, name)
    assert not hasattr(ref, name)


async def test_arguments_are_checked_before_anything_is_sent(stage: Stage) -> None:
    ref = await stage.start(Counter)
    missing = r"Counter\.add\(\) missing 1 required positional argument: 'n'"
    with pytest.raises(TypeError, match=missing):
        await ref.add()
    with pytest.raises(TypeError, match=missing):
        ref.cast("add")
    with pytest.raises(TypeError, match=r"Counter\.add\(\) takes 2 positional arguments but 3"):
        await ref.call("add", 1, 2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
        await ref.add(m=1)
    with pytest.raises(TypeError, match=r"Counter\.ticks\(\) takes"):
        ref.stream("ticks", 1, 2)
    assert await ref.add(0) == 0


async def test_a_stream_is_no_call_and_a_call_is_no_stream(stage: Stage) -> None:
    ref = await stage.start(Counter)
    with pytest.raises(IsStream, match=r"Counter\.ticks is a stream; read it with 'async for'"):
        await ref.ticks()
    with pytest.raises(IsStream):
        ref.cast("ticks")
    with pytest.raises(IsNoStream, match=r"Counter\.add is no stream; await its result"):
        aiter(ref.add(1))


async def test_a_call_that_is_not_awaited_is_told_of(stage: Stage) -> None:
    ref = await stage.start(Counter)
    with pytest.warns(RuntimeWarning, match="add of /counter was never awaited; nothing was sent"):
        ref.add(1)
    assert await ref.add(0) == 0


async def test_cancelling_a_call_cancels_the_method_and_waits_for_it(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    ref = await stage.start(Sleeper)
    began_at = trio.current_time()
    with trio.move_on_after(2):
        await ref.sleep(cleanup=0.5)
    assert trio.current_time() - began_at == 2.5
    assert await ref.how() == ["cancelled"]


async def test_who_cancels_waits_one_second_at_most(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    ref = await stage.start(Sleeper)
    began_at = trio.current_time()
    with trio.move_on_after(2):
        await ref.sleep(cleanup=3.0)
    assert trio.current_time() - began_at == 3.0
    assert await ref.how() == ["cancelled"]
    assert trio.current_time() - began_at == 5.0


async def test_a_cancelled_method_that_fails_harms_nobody(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    ref = await stage.start(Sleeper)
    with trio.move_on_after(1):
        await ref.sleep_badly()
    assert await ref.how() == []


async def test_a_call_that_is_cancelled_while_it_waits_is_never_begun(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    ref = await stage.start(Sleeper)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ref.call, "sleep")
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(1):
            await ref.note("should not have been")
        nursery.cancel_scope.cancel()
    assert await ref.how() == ["cancelled"]


async def test_a_time_out_cancels_the_method(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    ref = await stage.start(Sleeper)
    began_at = trio.current_time()
    with pytest.raises(ActorTimeout, match="/sleeper did not answer sleep within 5 s"):
        await ref.sleep()
    assert trio.current_time() - began_at == 5.0
    assert await ref.how() == ["cancelled"]


async def test_deadlines_pass_in_their_order_whatever_the_order_of_calls(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    ref = await stage.start(Sleeper)
    late: list[tuple[float, float]] = []

    async def call(timeout: float) -> None:
        began_at = trio.current_time()
        with pytest.raises(ActorTimeout):
            await ref.call("sleep", timeout=timeout)
        late.append((timeout, trio.current_time() - began_at))

    async with trio.open_nursery() as nursery:
        for timeout in (7.0, 3.0, 5.0, 3.0, 0.0):
            nursery.start_soon(call, timeout)
    assert late == [(0.0, 0.0), (3.0, 3.0), (3.0, 3.0), (5.0, 5.0), (7.0, 7.0)]


class Caller(Actor):
    """Calls whom it is told to."""

    async def ask(self, ref: Ref[Caller], *then: Ref[Caller]) -> str:
        return await ref.ask(*then) if then else await ref.hello()

    async def end(self) -> None:
        await self.ref.stop()

    async def ask_beside(self, ref: Ref[Caller]) -> None:
        self.start_soon(self._ask, ref)

    async def _ask(self, ref: Ref[Caller]) -> None:
        self.got = await ref.hello()

    async def read(self, ref: Ref[Caller]) -> list[str]:
        return [item async for item in ref.greetings()]

    async def greetings(self) -> AsyncIterator[str]:
        yield await self.ref.hello()

    async def hello(self) -> str:
        return f"hello from {self.address}"


async def test_an_actor_that_would_wait_for_itself_is_refused(stage: Stage) -> None:
    a, b, c = [await stage.start(Caller, name=name) for name in "abc"]
    with pytest.raises(CircularCall, match=r"/a -> /a\.hello would wait for itself for ever"):
        await a.ask(a)
    with pytest.raises(CircularCall, match=r"/a -> /b -> /c -> /a\.hello") as caught:
        await a.ask(b, c, a)
    assert caught.value.circle == ("/a", "/b", "/c")
    with pytest.raises(CircularCall):
        await a.read(a)
    assert await a.ask(b, c) == "hello from /c"
    with pytest.raises(CircularCall, match=r"/a -> /a\.stop"):
        await a.end()


async def test_what_runs_beside_the_messages_may_call_its_own_actor(stage: Stage) -> None:
    a, b = [await stage.start(Caller, name=name) for name in "ab"]
    await a.ask_beside(a)
    await trio.testing.wait_all_tasks_blocked()
    assert (await a.describe())["got"] == "'hello from /a'"
    assert await b.read(a) == ["hello from /a"]


class Listener(Actor):
    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def handle_info(self, message: Any) -> None:
        if message == "fail":
            raise ValueError("no such message")
        self.heard.append(message)


async def test_messages_go_to_handle_info_and_its_faults_end_the_actor(stage: Stage) -> None:
    ref = await stage.start(Listener)
    ref.send({"a": 1})
    await trio.testing.wait_all_tasks_blocked()  # who asks for a description goes first
    assert await ref.describe() == {"heard": "[{'a': 1}]"}
    ref.send("fail")
    assert (await ref.wait()).detail == "ValueError: no such message"
    ref.send("to nobody")


async def test_a_message_that_nobody_handles_is_logged(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    ref = await stage.start(Counter)
    ref.send("anybody?")
    assert await ref.add(1) == 1
    assert "/counter: nobody handles 'anybody?'" in caplog.text


async def test_stopping_comes_before_what_waits_and_is_normal(stage: Stage) -> None:
    ref = await stage.start(Sleeper)
    go_on = trio.Event()
    ref.cast("hold", go_on)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_expect_gone, ref)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ref.stop)
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
    assert await ref.stop() == NORMAL  # again, of one that has ended


async def _expect_gone(ref: Any) -> None:
    with pytest.raises(ActorGone, match="/sleeper is gone: normal"):
        await ref.how()


async def test_stopping_one_that_is_stuck_takes_its_grace(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    ref = await stage.start(Sleeper, grace=3.0)
    ref.cast("sleep")
    await trio.testing.wait_all_tasks_blocked()
    began_at = trio.current_time()
    assert (await ref.stop()).kind is ExitKind.KILLED
    assert trio.current_time() - began_at == 3.0


def test_a_class_whose_method_a_reference_would_hide_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"Bad\.stop .* another name .*would hide it"):

        class Bad(Actor):
            async def stop(self) -> None:  # type: ignore[override]
                """Hidden by the reference's."""

    class Mixin:
        async def send(self) -> None:
            """Hidden too."""

    with pytest.raises(InvalidConfig, match=r"Mixed\.send"):
        type("Mixed", (Mixin, Actor), {})


@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_a_capacity_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InvalidConfig, match="mailbox_capacity"):
        type("Bad", (Actor,), {"mailbox_capacity": value})


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="'wait', 'refuse', 'drop_oldest'"):
        type("Bad", (Actor,), {"mailbox_policy": "explode"})


async def test_who_does_not_know_the_class_is_refused_over_there(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    ref = await stage.start(Counter)
    life = stage.runners["counter"].life
    for method, args in (("nothing", ()), ("_private", ()), ("ticks", ()), ("add", (1, 2))):
        life.cast(method, args, {})
        question = Strange(method, args)
        life.ask(question)
        await trio.testing.wait_all_tasks_blocked()
        assert isinstance(question.error, AttributeError | TypeError)
        assert str(question.error) in caplog.text
    assert await ref.add(0) == 0


class Strange:
    """A question of another kind than Call, as those that come from other processes."""

    chain: Chain | None = None

    def __init__(self, method: str, args: tuple[Any, ...]) -> None:
        self.method, self.args, self.kwargs = method, args, dict[str, Any]()
        self.is_over = self.is_cancelled = False
        self.value: Any = None
        self.error: BaseException | None = None

    def begin(self, on_cancel: Callable[[], object]) -> None:
        self.on_cancel = on_cancel

    def answer(self, value: Any) -> None:
        self.is_over, self.value = True, value

    def fail(self, error: BaseException) -> None:
        self.is_over, self.error = True, error

    def acknowledge(self) -> None:
        self.is_over = True


async def test_asking_again_does_not_lengthen_the_grace(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    ref = await stage.start(Sleeper, grace=3.0)
    ref.cast("sleep")
    await trio.testing.wait_all_tasks_blocked()  # a stop would go before what only waits
    began_at = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(ref.stop)
            await trio.sleep(1)
    assert trio.current_time() - began_at == 4.0
    assert stage.reports["sleeper"][1] == Killed(3.0)
