"""supctl, as a program that opens a tree."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import psutil
import trio

from supctl import App, Backoff, Supervisor, open_tree
from supctl.backends.base import ProcessSpec
from supctl.backends.platform import open_backend
from supctl.backends.reaper_program import raise_descriptor_limit

from .contestant import Driver


class Ours(Driver):
    """supctl's library; daemon and reaper are the program and its child."""

    name, module = "supctl", "benchmarks.ours"

    @property
    def pids(self) -> Sequence[int]:
        daemon = self._process.pid
        reapers = [
            child.pid
            for child in psutil.Process(daemon).children()
            if "supctl.backends.reaper.main" in " ".join(child.cmdline())
        ]
        return [daemon, *reapers]


async def _serve(program: str, folder: str) -> None:
    commands = trio.lowlevel.FdStream(0)
    print("ready", flush=True)
    words = (await commands.receive_some(4096)).decode().split()
    if words[0] == "backend":
        await _spawn_one_by_one(program, commands)
        return
    at_once = Backoff(initial=0.0)
    apps = [App(f"app{n}", [program], env={}, backoff=at_once) for n in range(int(words[1]))]
    spec = Supervisor("bench", apps, max_restarts=None, start="concurrent")
    async with open_tree(spec, log_directory=f"{folder}/logs") as tree:
        await commands.receive_some(4096)
        asked_at = time.monotonic_ns()
        tree.stop()
        await tree.wait()
        print((time.monotonic_ns() - asked_at) / 1e9, flush=True)


async def _spawn_one_by_one(program: str, commands: trio.lowlevel.FdStream) -> None:
    async with open_backend() as backend:
        await backend.spawn(ProcessSpec((program,)))
        while (await commands.receive_some(4096)) == b"spawn\n":
            asked_at = time.monotonic_ns()
            await backend.spawn(ProcessSpec((program,)))
            print(asked_at, flush=True)
        asked_at = time.monotonic_ns()
    print((time.monotonic_ns() - asked_at) / 1e9, flush=True)


if __name__ == "__main__":
    raise_descriptor_limit()
    trio.run(_serve, sys.argv[1], sys.argv[2])
