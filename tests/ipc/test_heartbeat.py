"""A peer that says nothing is asked, and one that does not answer counts as hung."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from supctl.errors import ConnectionLost, InvalidConfig
from supctl.ipc import Codec, Heartbeat, Hello, open_connection
from supctl.ipc import messages as m
from tests.ipc.ends import Methods, connected, memory

HEARTBEAT = Heartbeat(interval=5.0, limit=15.0)


async def test_two_that_are_alive_stay_together(autojump_clock: MockClock) -> None:
    async with connected(Methods(), memory, heartbeat=HEARTBEAT) as (client, server):
        await trio.sleep(3600.0)
        assert (client.reason, server.reason) == ("", "")


async def test_a_peer_that_hangs_is_given_up(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    hello = Codec().encode([m.HELLO, m.VERSION, "mute", 3, {}])
    await theirs.send_all(b"".join(hello))
    async with open_connection(ours, hello=Hello("us", 1), heartbeat=HEARTBEAT) as connection:
        started_at = trio.current_time()
        with pytest.raises(ConnectionLost, match=r"mute 3 is over: it hangs.*within 15 s"):
            await connection.call("t", "echo")
        assert trio.current_time() - started_at == 25.0  # its hello was a sign of life


@pytest.mark.parametrize("message", [[m.PONG, 1], [m.RESULT, 99, None]])
async def test_whatever_comes_counts_as_life(autojump_clock: MockClock, message: list[Any]) -> None:
    ours, theirs = memory_stream_pair()
    hello = Codec().encode([m.HELLO, m.VERSION, "chatty", 3, {}])
    await theirs.send_all(b"".join(hello))
    async with open_connection(ours, hello=Hello("us", 1), heartbeat=HEARTBEAT) as connection:
        for _ in range(20):
            await trio.sleep(19.0)
            assert connection.reason == ""
            await theirs.send_all(b"".join(Codec().encode(message)))
        await connection.closed.wait()


async def test_when_it_was_us_who_stood_still_there_is_time_to_read(
    mock_clock: MockClock,
) -> None:
    heard = 0
    given_up = trio.Event()

    async def watch() -> None:
        await HEARTBEAT.watch(lambda: heard, lambda _: None)
        given_up.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(5.0)  # a ping
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1000.0)  # nothing runs for long; the timer is first to notice
        await trio.testing.wait_all_tasks_blocked()
        assert not given_up.is_set()
        heard = 1  # what had come long ago is read now
        mock_clock.jump(7.5)
        await trio.testing.wait_all_tasks_blocked()
        assert not given_up.is_set()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("wrong", [{"interval": 0.0}, {"limit": -1.0}, {"limit": float("nan")}])
def test_times_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidConfig, match="heartbeat"):
        Heartbeat(**wrong)
