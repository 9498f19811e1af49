"""What is measured of a contestant that runs."""

from __future__ import annotations

import os
import signal
import statistics
import time
from pathlib import Path

from .contestant import Contestant, Driver


def spawn(driver: Driver, times: int) -> float:
    """Return the median seconds from request to first instruction."""
    return statistics.median(driver.spawn_one() for _ in range(times))


def restart(contestant: Contestant, times: int) -> float:
    """Return the median seconds from SIGKILL to the replacement's first instruction.

    Each program is killed once at the most: ``runsv`` waits a second when one is short-lived.
    """
    seconds = []
    for start in contestant.running[:times]:
        killed_at = time.monotonic_ns()
        os.kill(start.pid, signal.SIGKILL)
        (again,) = contestant.probe.take(1)
        seconds.append((again.at_ns - killed_at) / 1e9)
        contestant.running.append(again)

    del contestant.running[:times]
    return statistics.median(seconds)


def burst(contestant: Contestant, count: int) -> float:
    """Return the seconds from the SIGKILL of ``count`` programs until all are replaced."""
    doomed, contestant.running = contestant.running[:count], contestant.running[count:]
    killed_at = time.monotonic_ns()
    for start in doomed:
        os.kill(start.pid, signal.SIGKILL)
    again = contestant.probe.take(len(doomed))
    contestant.running += again
    return (max(start.at_ns for start in again) - killed_at) / 1e9


def wakeups(contestant: Contestant, seconds: float) -> int:
    """Return how often its processes went to sleep in ``seconds`` in which nothing happens."""
    before = _voluntary_switches(contestant)
    time.sleep(seconds)
    return _voluntary_switches(contestant) - before


def _voluntary_switches(contestant: Contestant) -> int:
    total = 0
    for pid in contestant.pids:
        for status in Path(f"/proc/{pid}/task").glob("*/status"):
            for line in status.read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
    return total


def memory(contestant: Contestant) -> int:
    """Return the bytes of its processes, shared ones in proportion (PSS)."""
    total = 0
    for pid in contestant.pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total
