"""``python -m tests.daemon.rounds``: daemon, reaper and clients are killed, or upgraded, 200 times.

Ten apps run meanwhile: they write numbered lines at various rates, die, ignore SIGTERM, and are
stopped and started. The tests do the same for some rounds.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from supctl.control.client import Client
from supctl.control.reaching import reach
from supctl.daemon.code import PACKAGE
from supctl.errors import ConnectionLost, SupctlError
from tests.daemon.conftest import Desk, desk_in
from tests.logs.numbered import files_of, line_of

PROGRAMS = Path(__file__).parents[1] / "programs"
COUNTING = f"{sys.executable} -SI {PROGRAMS / 'number_lines.py'} 1000000000"
RATES = {"slow": 10, "steady": 1_000, "fast": 20_000, "faster": 50_000}

APPS = "".join(
    f"[apps.{name}]\ncommand = '{COUNTING} {rate}'\n"
    "log = { max_size = '4M', keep = 'unlimited' }\n"
    for name, rate in RATES.items()
) + (
    "[apps.dying]\ncommand = ['sh', '-c', 'sleep 0.7; exit 3']\n"
    "backoff = { initial = '50ms', factor = 1, jitter = 'none' }\n"
    "[apps.shot]\ncommand = ['sh', '-c', 'sleep 0.9; kill -SEGV $$']\n"
    "backoff = { initial = '50ms', factor = 1, jitter = 'none' }\n"
    "[apps.deaf]\ncommand = ['sh', '-c', \"trap '' TERM; while :; do sleep 0.1; done\"]\n"
    "stop = { grace = '300ms' }\n"
    "[apps.stopped]\ncommand = ['sleep', '100000']\n"
    "[apps.started]\ncommand = ['sleep', '100001']\n"
    f"[apps.quiet]\ncommand = ['sleep', '100002.{os.getpid()}']\n"
)
LIVING = (*RATES, "quiet")

_VICTIMS = (
    *(("daemon",) * 4 + ("reaper",) * 2 + ("client",) * 2 + ("both in turn",) * 2),
    *("upgrade", "amid an upgrade"),
)


@dataclass
class Found:
    """What the rounds have shown.

    Args:
        silences: seconds from each kill to the next answer, but for upgrades.
        statuses: how often each exit of those that die was told.
    """

    silences: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    killed: dict[str, int] = field(default_factory=dict)


def go(desk: Desk, rounds: int, seed: int) -> Found:
    """Go through the rounds; raises AssertionError where something is not as it should be."""
    chance, found = random.Random(seed), Found()
    desk.run("start", desk.write(APPS))
    with Client(reach(desk.home), partial(reach, desk.home)) as client, _orphans_reaped():
        before = _pids(client)
        for _ in range(rounds):
            _round(desk, client, chance, found)
            assert _pids(client) == before
        _check_alone(before)
        _check_ends(client, found)
        client.stop(*RATES)
    for name in RATES:
        found.lines += _check_lines(desk.home.logs / "shop" / f"{name}.out.log")
    return found


def _pids(client: Client) -> dict[str, int]:
    rows = {row["address"].rpartition("/")[2]: row for row in client.status()}
    return {name: rows[name]["pid"] for name in LIVING}


def _round(desk: Desk, client: Client, chance: random.Random, found: Found) -> None:
    for name in ("deaf", "stopped", "started"):
        with suppress(ConnectionLost):
            chance.choice((client.stop, client.start))(name, wait=False)
    time.sleep(chance.uniform(0, 0.3))
    victim = chance.choice(_VICTIMS)
    found.killed[victim] = found.killed.get(victim, 0) + 1
    daemon = client.about()["pid"]
    at = time.monotonic()
    if victim == "client":
        with desk.popen("restart", "started") as asking:
            time.sleep(chance.uniform(0, 0.2))
            asking.kill()
    if victim in ("daemon", "both in turn"):
        os.kill(daemon, signal.SIGKILL)
    if victim in ("reaper", "both in turn"):
        _kill_reaper(client)
    if victim == "upgrade":
        client.upgrade(python=sys.executable, package=str(PACKAGE))
    elif victim == "amid an upgrade":
        with desk.popen("daemon", "upgrade"):
            time.sleep(chance.uniform(0, 3))
            os.kill(client.about()["pid"], signal.SIGKILL)
    else:
        client.ping()
        found.silences.append(time.monotonic() - at)


def _kill_reaper(client: Client) -> None:
    """Kill the reaper, and return when the daemon has another: without one it must not be lost."""
    before = client.about()["reaper"]
    os.kill(before, signal.SIGKILL)
    while client.about()["reaper"] == before:
        time.sleep(0.001)


def _check_alone(before: dict[str, int]) -> None:
    """Prove that each living app runs once."""
    ours = psutil.Process(before["quiet"]).cmdline()
    running = [it.pid for it in psutil.process_iter(["cmdline"]) if it.info["cmdline"] == ours]
    assert running == [before["quiet"]]


def _check_ends(client: Client, found: Found) -> None:
    """Prove that whoever has died has died as it does."""
    (told,) = client.why("dying", most=10_000)
    for event in told["events"]:
        _count(found, "dying", event, code=3)
    (told,) = client.why("shot", most=10_000)
    for event in told["events"]:
        _count(found, "shot", event, signal=signal.SIGSEGV)


def _count(found: Found, name: str, event: dict[str, Any], **wanted: int) -> None:
    if event["event"] == "child_exited" and event["address"].endswith(name):
        reason = event["reason"]
        assert {key: reason.get(key) for key in wanted} == wanted, event
        found.statuses[name] = found.statuses.get(name, 0) + 1


def _check_lines(path: Path) -> int:
    """Prove that each line is there once, in order, the last perhaps not whole."""
    number, rest = 0, b""
    for file in files_of(path):
        lines = (rest + file.read_bytes()).split(b"\n")
        rest = lines.pop()
        for line in lines:
            assert line == line_of(number), f"{file}: {line[:30]!r} in place of {number}"
            number += 1
    assert line_of(number).startswith(rest)
    return number


@contextmanager
def _orphans_reaped() -> Iterator[None]:
    """Reap what becomes our child because its reaper was killed, as any init does."""
    is_over = threading.Event()

    def reap() -> None:
        while not is_over.wait(0.02):
            for child in psutil.Process().children():
                with suppress(psutil.Error, ChildProcessError):
                    if child.status() == psutil.STATUS_ZOMBIE and child.pid not in started:
                        os.waitpid(child.pid, os.WNOHANG)

    started = {child.pid for child in psutil.Process().children()}
    thread = threading.Thread(target=reap)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def main() -> None:
    """Go through so many rounds as the first argument says, from the seed of the second."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    with tempfile.TemporaryDirectory() as place, desk_in(Path(place)) as desk:
        found = go(desk, rounds, seed)
    silences = sorted(found.silences)
    print(f"seed {seed}: {rounds} rounds, killed {found.killed}; {found.lines} lines, each once")
    print(f"exits told truly: {found.statuses}")
    print(f"silence: median {silences[len(silences) // 2]:.3f} s, longest {silences[-1]:.3f} s")


if __name__ == "__main__":
    try:
        main()
    except SupctlError as error:
        sys.exit(f"{type(error).__name__}: {error}")
