"""Asking: not too many questions at once, and no fault of a probe is that of the app."""

from __future__ import annotations

import logging

import pytest
import trio
import trio.testing

from supctl.actors.probing import prober as prober_module
from supctl.actors.probing.prober import Prober
from supctl.backends.answers import Answer
from supctl.backends.base import Process, ProcessSpec
from supctl.backends.simulated import SimulatedBackend
from supctl.specs import Tcp


class Living(Process):
    """A process of which nothing but that is known."""

    pid = 4711

    async def wait(self) -> None:  # type: ignore[override]
        raise NotImplementedError

    wait_gone = wait

    def signal(self, number: int) -> None:
        raise NotImplementedError

    signal_all = signal

    def kill(self) -> None:
        raise NotImplementedError


def prober(gate: trio.Semaphore) -> Prober:
    return Prober(Living(), ProcessSpec(("true",)), SimulatedBackend(), gate)


async def test_there_is_a_limit_to_questions_at_once(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for a turn has all of its time yet."""
    asked: list[int] = []

    async def try_slowly(probe: Tcp) -> Answer:
        asked.append(1)
        await trio.sleep(1.0)
        asked.pop()
        most.append(len(asked) + 1)
        return Answer(True, "accepts connections")

    most: list[int] = []
    answers: list[Answer] = []
    monkeypatch.setattr(prober_module, "try_tcp", try_slowly)
    gate = trio.Semaphore(5)

    async def ask() -> None:
        answers.append(await prober(gate).ask(Tcp(1), timeout=1.5))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)
    assert [answer.ok for answer in answers] == [True] * 20
    assert max(most) == 5
    assert trio.current_time() == pytest.approx(4.0)


async def test_no_answer_in_time(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def try_for_ever(probe: Tcp) -> Answer:
        await trio.sleep_forever()

    monkeypatch.setattr(prober_module, "try_tcp", try_for_ever)
    answer = await prober(trio.Semaphore(1)).ask(Tcp(1), timeout=5.0)
    assert answer == Answer(False, "no answer within 5 s", silent=True)


async def test_a_fault_of_ours_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def try_wrongly(probe: Tcp) -> Answer:
        raise ZeroDivisionError

    monkeypatch.setattr(prober_module, "try_tcp", try_wrongly)
    gate = trio.Semaphore(1)
    with caplog.at_level(logging.ERROR, "supctl.actors"):
        answer = await prober(gate).ask(Tcp(1), timeout=5.0)
    assert (answer.ok, answer.said) == (False, "internal error: ZeroDivisionError()")
    assert gate.value == 1
