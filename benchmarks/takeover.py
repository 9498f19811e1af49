"""How long nobody answers after the daemon was killed, and how long a program has to wait."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import supctl

from .operated import Operated
from .probe import Probe
from .rows import Row

_GOALS = {10: 0.5, 1000: 1.5}
"""Seconds at the median, by the number of programs."""

_KILLS = 7

_FLOOD = """
import os, signal, sys, time
# 50 MB/s of numbered blocks; at its end the longest write is told on standard error.
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
longest, number, began = 0.0, 0, time.monotonic()
while not over:
    block = (b"%015d\\n" % number) * 4096
    at = time.monotonic()
    while block:
        block = block[os.write(1, block):]
    longest = max(longest, time.monotonic() - at)
    number += 1
    time.sleep(max(0.0, began + number * 65536 / 50e6 - time.monotonic()))
print(number, longest, file=sys.stderr, flush=True)
"""


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield rows about takeovers."""
    imports = _seconds_of_imports()
    for count in (10,) if quick else (10, 1000):
        with _operated(count) as daemon:
            seconds = _takeovers(daemon, count)
            daemon.end()
        median = statistics.median(seconds)
        yield Row(
            f"takeover, {count:,} apps",
            f"{median * 1e3:.0f} ms",
            f"import of the daemon {imports * 1e3:.0f}; longest {max(seconds) * 1e3:.0f}",
            median / imports,
            f"{_GOALS[count] * 1e3:.0f} ms",
            median < _GOALS[count],
        )
    yield from _flood()


def _seconds_of_imports() -> float:
    found = []
    for _ in range(5):
        began_at = time.monotonic()
        subprocess.run([sys.executable, "-c", "import supctl.daemon.run"], check=True)
        found.append(time.monotonic() - began_at)
    return statistics.median(found)


def _takeovers(daemon: Operated, count: int) -> list[float]:
    """Kill the daemon again and again; return seconds until all programs were told again."""
    found = []
    for _ in range(_KILLS):
        with daemon.client as client:
            pid = client.daemon["pid"]
        killed_at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        with daemon.client as client:
            rows = client.status()
        found.append(time.monotonic() - killed_at)
        assert sum(row["state"] == "running" for row in rows) == count + 1
        time.sleep(0.5)  # it settles
    return found


def _flood() -> Iterator[Row]:
    """Have a program write 50 MB/s while daemons are killed."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    environ = {**os.environ, "SUPCTL_HOME": str(folder / "home")}
    (folder / "flood.py").write_text(_FLOOD)
    (folder / "flood.toml").write_text(
        f"[apps.flood]\ncommand = ['{sys.executable}', 'flood.py']\n"
        "log = { max_size = 'unlimited' }\n"
    )
    command = [sys.executable, "-m", "supctl"]
    try:
        subprocess.run([*command, "start", "flood.toml"], env=environ, cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        seconds = []
        for _ in range(_KILLS):
            with supctl.connect(folder / "home") as client:
                pid = client.daemon["pid"]
            killed_at = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            with supctl.connect(folder / "home") as client:
                client.ping()
            seconds.append(time.monotonic() - killed_at)
            time.sleep(0.5)
        subprocess.run([*command, "kill", "--yes"], env=environ, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        yield _told(folder / "home" / "logs" / "flood", seconds)
    finally:
        shutil.rmtree(folder)


def _told(logs: Path, seconds: list[float]) -> Row:
    """Verify what was stored, and return how long a write has taken."""
    blocks, longest = (logs / "flood.err.log").read_text().split()
    stored = (logs / "flood.out.log").read_bytes()
    wanted = b"".join((b"%015d\n" % number) * 4096 for number in range(int(blocks)))
    is_whole = stored == wanted
    return Row(
        f"longest write, {len(stored) / 1e6:.0f} MB at 50 MB/s",
        f"{float(longest) * 1e3:.0f} ms",
        f"longest takeover {max(seconds) * 1e3:.0f}; "
        + ("nothing lost, nothing doubled" if is_whole else "NOT what was written"),
        float(longest) / max(seconds),
        "1 takeover",
        is_whole and float(longest) < max(seconds),
    )


@contextmanager
def _operated(count: int) -> Iterator[Operated]:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    probe = Probe(folder)
    try:
        daemon = Operated(probe, folder)
        daemon.up(count)
        yield daemon
    finally:
        probe.close()
        shutil.rmtree(folder)
