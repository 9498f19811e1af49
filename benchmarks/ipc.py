"""``python -m benchmarks.ipc``: the protocol against a bare loop, in one run.

The floor is trio's own pipe streams and msgpack, no protocol: messages follow each other, a
reply is the message itself. Both talk with a process that was forked before trio began.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import msgpack
import trio
from rich.console import Console
from rich.table import Table

from supctl.errors import ConnectionFull
from supctl.ipc import Connection, DescriptorTransport, Hello, Request, open_connection
from supctl.ipc.connection import Nothing
from supctl.ipc.request import Target

PAYLOAD: Final = b"x" * 100
BULK: Final = b"x" * 2**20
TASKS: Final = 100
WINDOW: Final = 100

Figures = dict[str, float]


class Service(Nothing):
    """Answers at once, and counts what it is told."""

    def __init__(self) -> None:
        self.told = 0

    def call(self, request: Request) -> None:
        request.answer(request.args[0] if request.method == "echo" else self.told)

    def cast(self, target: Target, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.told += 1


class Pipes:
    """Two pipes and a process at their other end."""

    def __init__(self, other: Callable[[int, int], Awaitable[None]]) -> None:
        (read, their_write), (their_read, write) = os.pipe(), os.pipe()
        for fd in (read, write):
            with suppress(OSError):
                widen(fd)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(read)
            os.close(write)
            trio.run(other, their_read, their_write)
            os._exit(0)
        os.close(their_read)
        os.close(their_write)
        self.read, self.write = read, write

    def wait(self) -> None:
        """Wait for the process to end; it does when the pipes are closed."""
        os.waitpid(self.pid, 0)


def widen(fd: int) -> None:
    """Let a pipe hold 1 MiB, where pipes can."""
    import fcntl

    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 2**20)


async def bare_peer(read: int, write: int) -> None:
    """Send back every message that has come; all that came with one read in one write."""
    async with trio.lowlevel.FdStream(read) as source, trio.lowlevel.FdStream(write) as sink:
        unpacker, pack = msgpack.Unpacker(), msgpack.Packer().pack
        while data := await source.receive_some():
            unpacker.feed(data)
            if replies := [pack(message) for message in unpacker]:
                await sink.send_all(b"".join(replies))


async def our_peer(read: int, write: int) -> None:
    """Serve a connection until it ends."""
    transport = DescriptorTransport(read, write)
    async with open_connection(transport, hello=Hello("peer"), service=Service()) as connection:
        await connection.closed.wait()


async def floor(pipes: Pipes, rounds: int) -> Figures:
    """Measure the bare loop."""
    async with (
        trio.lowlevel.FdStream(pipes.read) as source,
        trio.lowlevel.FdStream(pipes.write) as sink,
    ):
        unpacker, pack = msgpack.Unpacker(), msgpack.Packer().pack

        async def ask() -> None:
            await sink.send_all(pack([1, "echo", PAYLOAD]))
            unpacker.feed(await source.receive_some())
            for _ in unpacker:
                return

        async def windowed(count: int) -> None:
            done = 0
            await sink.send_all(b"".join(pack([1, "echo", PAYLOAD]) for _ in range(WINDOW)))
            while done < count:
                unpacker.feed(await source.receive_some())
                came = sum(1 for _ in unpacker)
                done += came
                more = min(came, max(0, count - done - WINDOW + came))
                await sink.send_all(b"".join(pack([1, "echo", PAYLOAD]) for _ in range(more)))

        figures = await trips(ask, rounds)
        started = time.perf_counter()
        await windowed(rounds * 20)
        figures["pipelined"] = rounds * 20 / (time.perf_counter() - started)
        figures["casts"] = figures["pipelined"]
    figures["bulk"] = blocking_bulk(max(rounds // 20, 50))
    return figures


def blocking_bulk(count: int) -> float:
    """Return the bytes a second that a pipe carries between two processes that do nothing else."""
    read, write = os.pipe()
    with suppress(OSError):
        widen(write)
    pid = os.fork()
    if pid == 0:
        os.close(write)
        room = bytearray(len(BULK))
        while os.readv(read, [room]):
            pass
        os._exit(0)
    os.close(read)
    started = time.perf_counter()
    for _ in range(count):
        rest = memoryview(BULK)
        while rest:
            rest = rest[os.write(write, rest) :]
    os.close(write)
    os.waitpid(pid, 0)
    return count * len(BULK) / (time.perf_counter() - started)


async def ours(pipes: Pipes, rounds: int) -> Figures:
    """Measure a connection."""
    transport = DescriptorTransport(pipes.read, pipes.write)
    async with open_connection(transport, hello=Hello("bench")) as connection:

        async def ask() -> None:
            await connection.call("t", "echo", (PAYLOAD,))

        figures = await trips(ask, rounds)
        figures["pipelined"] = await pipelined(connection, rounds * 10)
        figures["casts"] = await casts(connection, rounds * 20)
        figures["bulk"] = await bulk(connection, max(rounds // 20, 50))
        return figures


async def trips(ask: Callable[[], Awaitable[None]], rounds: int) -> Figures:
    """Return median and 99th percentile of round trips, in seconds."""
    seconds = []
    for _ in range(rounds + rounds // 10):
        started = time.perf_counter()
        await ask()
        seconds.append(time.perf_counter() - started)
    seconds = sorted(seconds[rounds // 10 :])
    return {
        "round trip": statistics.median(seconds),
        "round trip, p99": seconds[len(seconds) * 99 // 100],
    }


async def pipelined(connection: Connection, count: int) -> float:
    """Return calls a second from a hundred tasks."""

    async def some() -> None:
        for _ in range(count // TASKS):
            await connection.call("t", "echo", (PAYLOAD,))

    started = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(TASKS):
            nursery.start_soon(some)
    return count / (time.perf_counter() - started)


async def casts(connection: Connection, count: int) -> float:
    """Return casts a second, until the last has been taken."""
    started = time.perf_counter()
    for _ in range(count):
        try:
            connection.cast("t", "note", (PAYLOAD,))
        except ConnectionFull:
            await connection.wait_room()
            connection.cast("t", "note", (PAYLOAD,))
    assert await connection.call("t", "told") == count
    return count / (time.perf_counter() - started)


async def bulk(connection: Connection, count: int) -> float:
    """Return bytes a second, one way, in casts of 1 MiB."""
    before = await connection.call("t", "told")
    started = time.perf_counter()
    for _ in range(count):
        await connection.wait_room()
        connection.cast("t", "note", (BULK,))
    assert await connection.call("t", "told") == before + count
    return count * len(BULK) / (time.perf_counter() - started)


def table(bare: Figures, mine: Figures) -> Table:
    """Return the figures side by side."""
    drawn = Table(
        title="medians; ratios are to a bare loop of trio and msgpack (bulk: to a blocking pipe)"
    )
    for column in ("figure", "bare", "supctl.ipc", "ratio"):
        drawn.add_column(column, justify="left" if column == "figure" else "right")
    for name, value in mine.items():
        against = f"{value / bare[name]:.2f}" if name in bare else "-"
        drawn.add_row(name, _shown(name, bare.get(name)), _shown(name, value), against)
    return drawn


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name.startswith("round trip"):
        return f"{value * 1e6:.1f} us"
    return f"{value / 1e9:.2f} GB/s" if name == "bulk" else f"{value:,.0f} /s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.ipc", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4_000)
    parser.add_argument("--times", type=int, default=5, help="of each, in turns")
    options = parser.parse_args()
    gc.freeze()  # what was imported to draw the table is not what is measured
    seen: dict[Any, list[Figures]] = {floor: [], ours: []}
    for _ in range(options.times):
        for peer, measure in ((bare_peer, floor), (our_peer, ours)):
            pipes = Pipes(peer)
            seen[measure].append(trio.run(measure, pipes, options.rounds))
            pipes.wait()
    Console().print(table(medians(seen[floor]), medians(seen[ours])))


def medians(seen: list[Figures]) -> Figures:
    """Return the median of each figure."""
    return {name: statistics.median(figures[name] for figures in seen) for name in seen[0]}


if __name__ == "__main__":
    main()
