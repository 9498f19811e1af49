"""What a test leaves behind: seeing it (:class:`Belongings`), and ending what must not live on."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psutil

PATIENCE: Final = 1.0
"""Seconds for what is on its way out; a kill takes effect a moment after it was sent."""

_IDLE_WORKER: Final = "Trio thread "
"""Name of trio's worker threads while they wait, up to 10 s, for their next work."""


@dataclass(frozen=True)
class Belongings:
    """The processes below us, our descriptors and our threads at one moment.

    What has left our process tree (forked twice) is not ours any more and is not seen, unless
    we are the subreaper.
    """

    processes: frozenset[psutil.Process]  # compared by pid and start: pids come again
    descriptors: frozenset[tuple[int, str]]
    threads: frozenset[threading.Thread]

    @classmethod
    def seen(cls) -> Self:
        """Return what there is now."""
        return cls(
            frozenset(psutil.Process().children(recursive=True)),
            frozenset(_descriptors()),
            frozenset(
                thread
                for thread in threading.enumerate()
                if not thread.name.startswith(_IDLE_WORKER)
            ),
        )

    def added_since(self, before: Belongings) -> list[str]:
        """Return a phrase for each thing that is here and was not there."""
        return [
            *(f"process {it.pid} {_command(it)}" for it in self.processes - before.processes),
            *(f"descriptor {fd} -> {to}" for fd, to in self.descriptors - before.descriptors),
            *(f"thread {thread.name}" for thread in self.threads - before.threads),
        ]


def leaks_since(before: Belongings) -> list[str]:
    """Return a phrase for each thing left since ``before``, once what is on its way out is out."""
    deadline = time.monotonic() + PATIENCE
    pause = 0.001
    while leaks := Belongings.seen().added_since(before):
        gc.collect()  # what only a reference cycle keeps open is no leak
        if time.monotonic() > deadline:
            break
        time.sleep(pause)  # of the three kinds, only some processes could announce their end
        pause = min(2 * pause, 0.05)
    return sorted(leaks)


def end_abandoned(pids: Iterable[int]) -> None:
    """Kill the trees that these apps are part of, because the loop that held them is broken.

    A time-out or Ctrl-C that strikes inside trio itself leaves nobody to stop anything until
    this process ends. The parent of an app is its reaper, below which all is that the tree has
    ever started.
    """
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            reaper = psutil.Process(pid).parent()
            if reaper is None or reaper.ppid() != psutil.Process().pid:
                continue  # ended by now, and its pid another's
            while below := reaper.children(recursive=True):
                for process in below:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                psutil.wait_procs(below, PATIENCE)
            reaper.kill()
            reaper.wait(PATIENCE)


def _descriptors() -> list[tuple[int, str]]:
    found = []
    for link in Path("/dev/fd").iterdir():
        with suppress(OSError):  # the one that listed them
            found.append((int(link.name), str(link.readlink())))
    return found


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or f"{process.name()} ({process.status()})"
    except psutil.NoSuchProcess:
        return "(ended just now)"
