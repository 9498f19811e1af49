"""The journal: what an event costs that is kept, and how long a story takes to find."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from supctl import events
from supctl.daemon.chronicle import Chronicle
from supctl.exits import ExitKind, ExitReason, ExitStatus
from supctl.journal.journal import Journal
from supctl.journal.reading import read_story

from .rows import Row

_GOAL: Final = 50e-6
"""Seconds of a processor that an event may cost."""

_APPS: Final = 100
_BURST: Final = 200
"""Events that come at once, as when many programs die."""


def rows(*, quick: bool) -> Iterator[Row]:
    """Measure the cost of crashes that are told in the journal: three events each."""
    crashes = 1_000 if quick else 15_000
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        story = list(_crashes(crashes))
        journal = Journal.at(directory)
        with _reaper() as spare:
            chronicle = Chronicle(journal, spare)
            noting, all_of_it = [], []
            for begin in range(0, len(story), _BURST):
                before, before_all = time.thread_time(), time.process_time()
                for event in story[begin : begin + _BURST]:
                    chronicle.hear(event)
                noting.append((time.thread_time() - before) / _BURST)
                journal.settle(60)
                all_of_it.append((time.process_time() - before_all) / _BURST)
            busy = statistics.median(all_of_it)
        journal.close()
        before = time.thread_time()
        read_story(directory, ["/web/api:7"], most=100)
        reading = time.thread_time() - before
    yield Row(
        "an event in the journal",
        f"{busy * 1e6:.1f} us",
        f"in the loop {statistics.median(noting) * 1e6:.1f}",
        goal="50 us",
        is_met=busy < _GOAL,
    )
    yield Row(f"a story out of {len(story):,} events", f"{reading * 1e3:.0f} ms")


@contextmanager
def _reaper() -> Iterator[Callable[[str, str], None]]:
    """Give what tells another process a text, over a socket."""
    here, there = socket.socketpair()
    reader = subprocess.Popen(["cat"], stdin=there.fileno(), stdout=subprocess.DEVNULL)
    with here, there, reader:
        yield lambda name, text: here.sendall(json.dumps(["note", name, text]).encode())
        here.shutdown(socket.SHUT_WR)


def _crashes(count: int) -> Iterator[events.Event]:
    reason = ExitReason(ExitKind.CRASHED, ExitStatus(code=1, wall_time=1.5, peak_memory=1 << 24))
    delay: dict[str, Any] = {"initial": 0.1, "factor": 2.0, "maximum": 30.0, "jitter": "full"}
    for number in range(count):
        at: dict[str, Any] = {"address": f"/web/api:{number % _APPS}", "at_wall": 1.8e9 + number}
        seq = 3 * number
        before = max(0, seq + 3 - 3 * _APPS)
        yield events.ChildStarted(seq=seq + 1, cause=before, pid=number, restarts=number, **at)
        yield events.ChildExited(
            seq=seq + 2, cause=seq + 1, reason=reason, asked=False, uptime=1.5, **at
        )
        yield events.RestartScheduled(
            seq=seq + 3, cause=seq + 2, delay=0.3, restarts=number, **at, **delay
        )
