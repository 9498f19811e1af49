"""``python -m benchmarks.logs``: the log path against ``app | cat > file``, in one run.

The app writes lines of 64 bytes as fast as it can. Peers are installed for the occasion where
that can be.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console

from .actors.environment import NotToBeHad
from .log_peers import PEERS, Run, Way, by_cat, size_of, write_app
from .rows import Row, table

_LINE: Final = 64

_OURS: Final = """
import sys, time
from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.specs import Log
folder, mode = sys.argv[1:]
with LogDirectory(folder) as directory:
    capture = Capture(directory, log=Log(mode, max_size=None))
    began = time.process_time()
    print("ready", flush=True)
    capture.attach("/app", "stdout", 0)
    capture.close(600)
    print(time.process_time() - began)
"""

_LATENCY: Final = """
import ctypes, os, select, sys, time
out, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
os.write(out, b"y" * 63 + b"\\n")
while not os.path.exists(path) or not os.path.getsize(path):
    time.sleep(0.01)
# It sleeps until the file has changed: who looks again and again would keep the processor from
# whoever is to store the line.
libc = ctypes.CDLL(None)
watch = libc.inotify_init1(os.O_NONBLOCK)
libc.inotify_add_watch(watch, path.encode(), 2)  # IN_MODIFY
changes = select.poll()
changes.register(watch, select.POLLIN)
file = os.open(path, os.O_RDONLY)
size, seconds = os.fstat(file).st_size, []
while len(seconds) < count:
    began = time.perf_counter()
    os.write(out, b"y" * 63 + b"\\n")
    while (now := os.fstat(file).st_size) == size:
        changes.poll()
        try:
            os.read(watch, 4096)
        except BlockingIOError:
            pass
    seconds.append(time.perf_counter() - began)
    size = now
    time.sleep(max(0.0, 0.001 - seconds[-1]))
seconds.sort()
print(seconds[count // 2], seconds[count * 99 // 100])
"""

_MEMORY: Final = """
import os, sys
from pathlib import Path
from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.specs import Log
def resident(name):
    (line,) = [it for it in Path("/proc/self/status").read_text().splitlines() if name in it]
    return int(line.split()[1])
with LogDirectory(sys.argv[1]) as directory:
    capture = Capture(directory, log=Log(max_size=None))
    before = resident("VmRSS")
    capture.attach("/app", "stdout", 0)
    capture.close(36000)
    print(resident("VmHWM") - before)
"""

_THROTTLE: Final = 250
"""Megabytes a second that the slow log takes."""

_THROTTLED: Final = f"""
import os, sys, time
fifo, taken, began = os.open(sys.argv[1], os.O_RDONLY), 0, time.monotonic()
while data := os.read(fifo, 65536):
    taken += len(data)
    time.sleep(max(0.0, began + taken / {_THROTTLE}e6 - time.monotonic()))
"""


def by_us(mode: str) -> Way:
    """Store it as we do."""

    def run(size: int, folder: Path) -> Run:
        read, write = os.pipe()
        command = [sys.executable, "-c", _OURS, str(folder), mode]
        with subprocess.Popen(command, stdin=read, stdout=subprocess.PIPE) as ours:
            os.close(read)
            assert ours.stdout is not None
            ours.stdout.readline()  # a daemon has started long before
            began = time.monotonic()
            write_app(size, write)
            cpu = float(ours.stdout.readline())
            return Run(time.monotonic() - began, cpu, size_of(folder))

    return run


def throughput(size: int, rounds: int) -> Iterator[Row]:
    """Yield how fast each is, and what it costs; all suffer alike from what else goes on."""
    ways = {"cat": by_cat, "raw": by_us("raw")}
    ways |= {mode: by_us(mode) for mode in ("timestamped", "json")}
    ways |= PEERS
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in tuple(ways.items()):
            try:
                runs[name].append(_in_a_folder(way, size))
            except NotToBeHad as why:
                print(f"{name} is not measured: {why}")
                del ways[name], runs[name]
    best = {name: min(seen, key=lambda run: run.seconds) for name, seen in runs.items()}
    speeds = {name: size / run.seconds / 1e6 for name, run in best.items()}
    cpus = {name: min(run.cpu for run in seen) * 2**30 / size for name, seen in runs.items()}
    yield from _our_rows(speeds, cpus)
    for name in filter(ways.__contains__, PEERS):
        lost = (size - min(run.stored for run in runs[name])) // _LINE
        yield Row(
            f"raw, beside {name}",
            f"{speeds['raw']:.0f} MB/s",
            f"{speeds[name]:.0f}, {cpus[name]:.2f} s a GB, {max(0, lost):,} lines lost",
            speeds["raw"] / speeds[name],
            "faster",
            speeds["raw"] > speeds[name],
        )


def _our_rows(speeds: dict[str, float], cpus: dict[str, float]) -> Iterator[Row]:
    cat = f"cat {speeds['cat']:.0f}"
    for name, goal, least in (
        ("raw", "0.8 of it", 0.8 * speeds["cat"]),
        ("timestamped", "300 MB/s", 300.0),
        ("json", "80 MB/s", 80.0),
    ):
        speed = speeds[name]
        figure = f"{name}, lines of {_LINE} bytes"
        yield Row(figure, f"{speed:.0f} MB/s", cat, speed / speeds["cat"], goal, speed >= least)
    ratio = cpus["raw"] / cpus["cat"]
    told = f"cat {cpus['cat']:.2f}"
    yield Row("raw, processor seconds a GB", f"{cpus['raw']:.2f}", told, ratio, "1.2 times",
              ratio <= 1.2)  # fmt: skip


def _in_a_folder(way: Way, size: int) -> Run:
    # In memory where that can be: it is the path that is measured, not the disk.
    shared = Path("/dev/shm")
    place = tempfile.mkdtemp(prefix="bench-logs-", dir=shared if shared.is_dir() else None)
    try:
        return way(size, Path(place))
    finally:
        shutil.rmtree(place)


def latency(count: int) -> Iterator[Row]:
    """Yield how soon a line is to be seen in its file, at a thousand lines a second."""
    beside = [_latency("cat", count) for _ in range(3)]
    cat = statistics.median(it[0] for it in beside) * 1e6, min(it[1] for it in beside) * 1e6
    for mode, worst in (("raw", 300), ("timestamped", 600)):
        runs = [_latency(mode, count) for _ in range(3)]
        ours = statistics.median(it[0] for it in runs) * 1e6, min(it[1] for it in runs) * 1e6
        for name, found, floor, goal in zip(("p50", "p99"), ours, cat, (50, worst), strict=True):
            yield Row(
                f"{mode}, line to file, {name}",
                f"{found:.0f} us",
                f"cat {floor:.0f}",
                found / floor,
                f"{goal} us",
                found < goal,
            )


def _latency(mode: str, count: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as folder:
        path = f"{folder}/app.out.log"
        read, write = os.pipe()
        storing = [sys.executable, "-c", _OURS, folder, mode]
        if mode == "cat":
            storing = ["sh", "-c", 'exec cat > "$0"', path]
        with subprocess.Popen(storing, stdin=read, stdout=subprocess.DEVNULL):
            os.close(read)
            command = [sys.executable, "-SIc", _LATENCY, str(write), path]
            told = subprocess.check_output([*command, str(count)], pass_fds=[write])
            os.close(write)
        middle, late = map(float, told.split())
        return middle, late


def memory(size: int) -> Iterator[Row]:
    """Yield by how much we grow while an app writes more than its log takes."""
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as folder:
        fifo = Path(folder) / "app.out.log"
        os.mkfifo(fifo)
        read, write = os.pipe()
        command = [sys.executable, "-c", _MEMORY, folder]
        with subprocess.Popen(command, stdin=read, stdout=subprocess.PIPE) as ours:
            os.close(read)
            reader = subprocess.Popen([sys.executable, "-SIc", _THROTTLED, str(fifo)])
            write_app(size, write)
            grown = int(ours.communicate()[0]) / 1024
            reader.wait()
    figure = f"memory, {size / 2**30:g} GB into a log that takes {_THROTTLE} MB/s"
    yield Row(figure, f"+{grown:.1f} MB", goal="20 MB", is_met=grown < 20)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logs", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bytes, one round")
    parser.add_argument("--memory", type=float, metavar="GB", help="so much into a slow log, only")
    options = parser.parse_args()
    size, rounds = (100 * 2**20, 1) if options.quick else (2**30, 3)
    if options.memory is not None:
        rows = [*memory(int(options.memory * 2**30))]
    else:
        rows = [*throughput(size, rounds), *latency(500 if options.quick else 3000)]
    Console(width=None if sys.stdout.isatty() else 140).print(table("the log path", rows))


if __name__ == "__main__":
    main()
