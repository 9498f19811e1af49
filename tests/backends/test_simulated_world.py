"""The simulated machine and programs that live by chance."""

from __future__ import annotations

import errno
import signal as signals
from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from supctl.backends.base import ProcessSpec
from supctl.backends.chance import Distribution, Exponential, Fixed, Uniform, stream
from supctl.backends.habits import CRASHES, End, Habits, pick
from supctl.backends.machine import Machine, Shortage, WallClock
from supctl.backends.simulated import Child, Program, SimulatedBackend
from supctl.errors import InvalidConfig, SpawnFailed

pytestmark = pytest.mark.simulated

WEB = ProcessSpec(("web",))


@pytest.fixture
async def backend(autojump_clock: MockClock) -> AsyncIterator[SimulatedBackend]:
    async with SimulatedBackend({"web": Program()}) as backend:
        yield backend


async def refused(backend: SimulatedBackend) -> tuple[int, str]:
    with pytest.raises(SpawnFailed) as caught:
        await backend.spawn(WEB)
    return caught.value.errno, caught.value.stage


# The machine.


async def test_a_full_process_table_refuses_until_somebody_ends(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.machine = Machine(process_limit=2)
    first = await backend.spawn(WEB)
    await backend.spawn(WEB)
    assert await refused(backend) == (errno.EAGAIN, "system")
    first.kill()
    await first.wait_gone()
    await backend.spawn(WEB)


async def test_descendants_count_in_the_process_table(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.machine = Machine(process_limit=3)
    backend.programs["web"] = Program(lifetime=1.0, children=(Child(), Child(lifetime=5.0)))
    process = await backend.spawn(WEB)
    assert backend.population == 3
    assert await refused(backend) == (errno.EAGAIN, "system")
    await process.wait()
    assert backend.population == 2
    await backend.spawn(WEB)


async def test_a_shortage_fails_all_spawns_in_its_time(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.machine = Machine(shortages=(Shortage(10.0, 20.0, errno.EMFILE),))
    await backend.spawn(WEB)
    await trio.sleep(10.0)
    assert await refused(backend) == (errno.EMFILE, "system")
    await trio.sleep(10.0)
    await backend.spawn(WEB)


async def test_a_hang_begins_in_the_midst_of_a_life(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = Program(
        hangs_after=5.0, children=(Child(born_on=signals.SIGTERM),), output=((9.0, b"late"),)
    )
    late, early = await backend.spawn(WEB), await backend.spawn(WEB)
    await trio.sleep(4.9)
    early.signal(signals.SIGINT)
    assert (await early.wait()).signal == signals.SIGINT
    await trio.sleep(5.0)
    late.signal(signals.SIGTERM)
    with trio.move_on_after(60.0) as scope:
        await late.wait()
    assert scope.cancelled_caught
    assert backend.population == 1  # it has not even noticed: no child was born
    late.kill()
    assert (await late.wait()).signal == signals.SIGKILL


async def test_wall_clock_steps_do_not_touch_the_monotonic_one(autojump_clock: MockClock) -> None:
    clock = WallClock(epoch=1_000.0, steps=((10.0, 3600.0), (20.0, -7200.0)))
    seen = []
    for _ in range(3):
        seen.append((trio.current_time(), clock()))
        await trio.sleep(10.0)
    assert seen == [(0.0, 1_000.0), (10.0, 4_610.0), (20.0, -2_580.0)]


# Chance.


def test_streams_are_repeatable_and_independent_of_each_other() -> None:
    first = [stream(7, "/a", "crash").random() for _ in range(2)]
    assert first[0] == first[1]
    streams = [stream(7, "/a"), stream(8, "/a"), stream(7, "/b"), stream(7, "/a", "")]
    assert len({it.random() for it in streams}) == 4


@given(
    st.one_of(
        st.floats(0, 1e6).map(Fixed),
        st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)).map(lambda it: Uniform(*sorted(it))),
        st.floats(1e-6, 1e6).map(Exponential),
    ),
    st.integers(),
)
def test_what_is_drawn_is_within_bounds(distribution: Distribution, seed: int) -> None:
    drawn = distribution.draw(Random(seed))
    match distribution:
        case Fixed(seconds):
            assert drawn == seconds
        case Uniform(least, most):
            assert least <= drawn <= most * (1 + 1e-12)
        case _:
            assert drawn >= 0


def test_an_exponential_has_its_mean_and_no_memory() -> None:
    random = Random(1)
    drawn = [Exponential(100.0).draw(random) for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(100.0, rel=0.03)
    late = [it - 100.0 for it in drawn if it > 100.0]
    assert sum(late) / len(late) == pytest.approx(100.0, rel=0.05)


def test_ends_come_by_their_weights() -> None:
    random = Random(1)
    told = Counter(pick((End(code=1, weight=3), End(signal=9)), random).code for _ in range(8_000))
    assert told[1] / 8_000 == pytest.approx(0.75, abs=0.02)


async def test_habits_make_lives_that_differ_and_can_be_repeated(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    habits = Habits(lifetime=Exponential(3600.0), ends=CRASHES, start_delay=Uniform(1.0, 3.0))
    lives = []
    for _ in range(2):
        backend.programs["web"] = habits.script(stream(7, "web"))
        lives.append([await (await backend.spawn(WEB)).wait() for _ in range(40)])
    assert [str(status) for status in lives[0]] == [str(status) for status in lives[1]]
    assert {status.code for status in lives[0]} == {1, None}
    assert len({round(status.wall_time, 3) for status in lives[0]}) == 40


def test_changing_one_habit_leaves_the_others_to_what_they_were() -> None:
    calm, deaf = Habits(lifetime=Exponential(9.0)), Habits(lifetime=Exponential(9.0), deaf=1.0)
    first, second = calm.script(stream(7, "web")), deaf.script(stream(7, "web"))
    for attempt in range(20):
        assert first(attempt).lifetime == second(attempt).lifetime
        assert (first(attempt).hangs_after, second(attempt).hangs_after) == (None, 0.0)


async def test_a_share_of_starts_fails(
    autojump_clock: MockClock, backend: SimulatedBackend
) -> None:
    backend.programs["web"] = Habits(fails_to_start=0.5).script(stream(7, "web"))
    failed = 0
    for _ in range(200):
        try:
            await backend.spawn(WEB)
        except SpawnFailed:
            failed += 1
    assert 70 < failed < 130


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("seconds", lambda: Fixed(-1.0)),
        ("most", lambda: Uniform(2.0, 1.0)),
        ("mean", lambda: Exponential(0.0)),
        ("weight", lambda: End(weight=0.0)),
        ("ends", lambda: Habits(ends=())),
        ("deaf", lambda: Habits(deaf=1.1)),
        ("fails_to_start", lambda: Habits(fails_to_start=float("nan"))),
        ("until", lambda: Shortage(5.0, 5.0)),
        ("process_limit", lambda: Machine(process_limit=-1)),
        ("hangs_after", lambda: Program(hangs_after=-1.0)),
    ],
)
def test_worlds_that_cannot_be_are_refused(field: str, make: object) -> None:
    with pytest.raises(InvalidConfig) as caught:
        make()  # type: ignore[operator]
    assert caught.value.field == field
