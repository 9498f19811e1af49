"""The deadlines of calls: who is told, when, and who is forgotten."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from supctl.ipc.deadlines import Deadlines, current_deadlines


class Waiting:
    """Notes when it expired."""

    def __init__(self, told: list[tuple[float, float]]) -> None:
        self._told = told

    def expire(self, timeout: float) -> None:
        self._told.append((trio.current_time(), timeout))


async def test_calls_expire_in_the_order_of_their_deadlines(autojump_clock: MockClock) -> None:
    told: list[tuple[float, float]] = []
    began_at = trio.current_time()
    calls = []
    for timeout in (5.0, 1.0, 3.0, 1.0):
        calls.append(Waiting(told))
        current_deadlines().add(calls[-1], timeout)
    await trio.sleep(10)
    assert [(at - began_at, timeout) for at, timeout in told] == [
        (1.0, 1.0), (1.0, 1.0), (3.0, 3.0), (5.0, 5.0)
    ]  # fmt: skip
    current_deadlines().add(calls[0], 1.0)
    await trio.sleep(2)
    assert told[-1] == (began_at + 11.0, 1.0)


async def test_a_call_that_is_discarded_does_not_expire(autojump_clock: MockClock) -> None:
    told: list[tuple[float, float]] = []
    deadlines = current_deadlines()
    over, late = Waiting(told), Waiting(told)
    deadlines.add(over, 1.0)
    deadlines.add(late, 2.0)
    deadlines.discard(over, 1.0)
    await trio.sleep(3)
    assert [timeout for _, timeout in told] == [2.0]
    deadlines.discard(late, 2.0)  # it has expired: nothing happens
    deadlines.discard(late, 7.0)


async def test_what_is_left_of_many_calls_does_not_pile_up() -> None:
    deadlines = Deadlines()
    call = Waiting([])
    for number in range(1000):
        deadlines.add(call, 5.0 + number)
        deadlines.discard(call, 5.0 + number)
    assert len(deadlines._lanes) <= 64
    assert not any(deadlines._lanes.values())
