"""The daemon and its commands: how soon they answer, and what it costs while nothing happens."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from . import figures, journal, takeover
from .actors.environment import NotToBeHad
from .crowd import Crowd
from .limit import Limit
from .operated import Operated
from .peers import PEERS, Command
from .probe import Probe
from .rows import Row, table

_BASE = [sys.executable, "-c", "import click, msgpack"]
_OURS = [sys.executable, "-c", "from supctl.cli.main import main; main()"]
"""As the installed command does it."""

_RATE = 5000
"""Requests a second that the daemon is to bear."""

_SETTLING = 12.0
"""Seconds until threads that were needed for the start have ended by themselves."""


def run(console: Console, *, quick: bool) -> None:
    """Measure and print."""
    many, rounds = (100, 5) if quick else (1000, 21)
    rows = [*_commands(10, rounds), *_commands(many, rounds), *_daemon(many, quick=quick)]
    rows += [*journal.rows(quick=quick), *takeover.rows(quick=quick)]
    console.print(table("the daemon and its commands", rows))


def _commands(count: int, rounds: int) -> Iterator[Row]:
    with ExitStack() as stack:
        daemon = stack.enter_context(_operated(count))
        contestants = {
            "import": Command(_BASE, daemon.environ),
            "status": Command([*_OURS, "status", "--json"], daemon.environ),
        }
        if count == 10:
            contestants["help"] = Command([*_OURS, "--help"], daemon.environ)
        peers = _peers(count, stack)
        contestants |= {name: it for name, it in peers.items() if isinstance(it, Command)}
        seconds = _in_turn(contestants, rounds)
        daemon.end()
    for name in ("status", "help") if count == 10 else ("status",):
        goal = 1.4 * seconds["import"] + (0 if count == 10 else 0.06)
        yield Row(
            f"{name}, {count:,} apps",
            f"{seconds[name] * 1e3:.0f} ms",
            f"import click, msgpack {seconds['import'] * 1e3:.0f}",
            seconds[name] / seconds["import"],
            "1.4 times" if count == 10 else "1.4 times + 60 ms",
            seconds[name] < goal,
        )
    for name, it in peers.items():
        if isinstance(it, NotToBeHad):
            yield Row(f"  beside {name}", "-", f"not measured: {it}")
            continue
        yield Row(
            f"  beside {name}",
            f"{seconds['status'] * 1e3:.0f} ms",
            f"{name} {seconds[name] * 1e3:.0f}",
            seconds["status"] / seconds[name],
            "ahead",
            seconds["status"] < seconds[name],
        )


def _peers(count: int, stack: ExitStack) -> dict[str, Command | NotToBeHad]:
    """Have the others keep as many; return what asks each, or why it is not there."""
    found: dict[str, Command | NotToBeHad] = {}
    for name, peer in PEERS.items():
        probe, folder = stack.enter_context(_probe())
        try:
            found[name] = stack.enter_context(peer(probe, folder, count))
        except NotToBeHad as why:
            found[name] = why
    return found


def _in_turn(commands: dict[str, Command], rounds: int) -> dict[str, float]:
    """Return the median seconds of each; all suffer alike from what else the machine does."""
    seen: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            began = time.monotonic()
            command.run()
            seen[name].append(time.monotonic() - began)
    return {name: statistics.median(values) for name, values in seen.items()}


def _daemon(count: int, *, quick: bool) -> Iterator[Row]:
    with _probe() as (probe, folder):
        bare = Limit(probe, folder)
        bare_up = bare.up(count)
        bare.end()
    with _operated(count) as daemon:
        yield Row(
            f"start of {count:,}",
            f"{daemon.seconds * 1e3:.0f} ms",
            f"bare loop {bare_up * 1e3:.0f}",
            daemon.seconds / bare_up,
            "2.5 times",
            daemon.seconds < 2.5 * bare_up,
        )
        time.sleep(_SETTLING)
        wakeups = figures.wakeups(daemon, 20)
        yield _plain("idle: wake-ups in 20 s", f"{wakeups}", "0", wakeups == 0)
        size = figures.memory(daemon) / 2**20
        yield _plain("idle: memory (PSS)", f"{size:.1f} MB", "< 45 MB", size < 45)
        seen, latencies = _under_load(daemon, 3 if quick else 10)
        enough = seen.rate >= 0.98 * _RATE and not seen.lost
        yield _plain(
            "200 conversations", f"{seen.rate:,.0f}/s, {seen.lost} lost", "5,000/s, 0 lost", enough
        )
        p99 = statistics.quantiles(latencies, n=100)[98] * 1e3
        yield _plain("  meanwhile: killed to back, p99", f"{p99:.1f} ms", "< 10 ms", p99 < 10)
        seconds = daemon.end()
        is_met = seconds < 0.3
        yield _plain(f"stop of {count:,}", f"{seconds * 1e3:.0f} ms", "< 300 ms", is_met)


def _plain(figure: str, value: str, goal: str, is_met: bool) -> Row:
    return Row(figure, value, goal=goal, is_met=is_met)


def _under_load(daemon: Operated, seconds: float) -> tuple[Crowd, list[float]]:
    """Return what a crowd saw, and how long restarts took meanwhile, in seconds."""
    seen: list[Crowd] = []
    asking = threading.Thread(target=lambda: seen.append(_crowd_apart(daemon.socket, seconds)))
    asking.start()
    latencies = []
    while asking.is_alive():
        start = daemon.running.pop(0)
        killed_at = time.monotonic_ns()
        os.kill(start.pid, signal.SIGKILL)
        (again,) = daemon.probe.take(1)
        latencies.append((again.at_ns - killed_at) / 1e9)
        daemon.running.append(again)
        time.sleep(0.02)
    asking.join()
    return seen[0], latencies


def _crowd_apart(path: str, seconds: float) -> Crowd:
    """Have the crowd in a process of its own: what it does is not ours to wait for."""
    program = (
        "import sys; from benchmarks.crowd import crowd;"
        "seen = crowd(sys.argv[1], 200, float(sys.argv[2]), float(sys.argv[3]));"
        "print(seen.rate, seen.lost)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, path, str(seconds), str(_RATE)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    return Crowd(float(told[0]), int(told[1]))


class _Timed(Operated):
    """A daemon, and how long it took to start all."""

    seconds: float


@contextmanager
def _operated(count: int) -> Iterator[_Timed]:
    with _probe() as (probe, folder):
        daemon = _Timed(probe, folder)
        daemon.seconds = daemon.up(count)
        yield daemon


@contextmanager
def _probe() -> Iterator[tuple[Probe, Path]]:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    probe = Probe(folder)
    try:
        yield probe, folder
    finally:
        probe.close()
        shutil.rmtree(folder)
