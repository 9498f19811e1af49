"""Run two programs, one with limits, under a backend; print the reaper's pid; live on."""

import sys
from pathlib import Path

import trio

from supctl.backends.base import ProcessSpec
from supctl.backends.platform import open_backend
from supctl.backends.posix import PosixBackend

DOUBLE_FORK = str(Path(__file__).with_name("double_fork.py"))


async def main() -> None:
    async with open_backend() as backend:
        assert isinstance(backend, PosixBackend)
        family = (sys.executable, DOUBLE_FORK, "escape", "stay")
        limited = await backend.spawn(ProcessSpec(family, memory=256 << 20, stderr=False))
        await backend.spawn(ProcessSpec(("sleep", "600"), stdout=False, stderr=False))
        assert limited.unenforced == (), limited.unenforced
        assert limited.stdout is not None
        await trio.lowlevel.wait_readable(limited.stdout)  # it has forked
        print(backend.reaper_pid, flush=True)
        await trio.sleep_forever()


trio.run(main)
