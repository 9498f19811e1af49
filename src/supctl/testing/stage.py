"""A stage: a tree that runs for a test, and everything a test can know about it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import trio

from supctl.actors.services import Services, handed_to
from supctl.backends.simulated import SimulatedBackend
from supctl.logs.directory import LogDirectory
from supctl.logs.file import LogFile
from supctl.specs import Log, Supervisor
from supctl.specs.supervisor import with_usual_logs
from supctl.supervision.eventlog import EventLog
from supctl.supervision.tree import Tree, open_tree, running
from supctl.supervision.world import World

from .bell import Bell
from .output import Outputs
from .record import Record

_READ_SIZE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Stage:
    """A running tree with its record and its output.

    Attributes:
        bell: rings at every event and at all new output.
        is_simulated: whether its programs are scripts.
    """

    tree: Tree
    record: Record
    outputs: Outputs
    bell: Bell
    is_simulated: bool


@asynccontextmanager
async def real_stage(spec: Supervisor, directory: Path) -> AsyncIterator[Stage]:
    """Run a tree of real programs beside the block; it is started, but not waited for.

    What its apps say of their logs is left aside: a test looks for their output in one place.

    Raises:
        What :func:`supctl.open_tree` raises.
    """
    bell = Bell()
    token = trio.lowlevel.current_trio_token()

    def wake() -> None:
        with suppress(trio.RunFinishedError, OSError):  # the loop broke down, the capture has not
            token.run_sync_soon(bell.ring, idempotent=True)

    outputs = Outputs(LogDirectory(directory), wake)
    record = Record(bell, outputs.begun)
    async with open_tree(
        with_usual_logs(spec),
        log_directory=directory,
        log=Log(max_size=None),
        tap=outputs.hear,
        on_event=record.hear,
        wait_up=False,
    ) as tree:
        yield Stage(tree, record, outputs, bell, is_simulated=False)


@asynccontextmanager
async def simulated_stage(
    spec: Supervisor, directory: Path, backend: SimulatedBackend
) -> AsyncIterator[Stage]:
    """Run a tree of scripted programs beside the block; otherwise as :func:`real_stage`.

    Output is read in the trio thread: a clock that jumps waits for descriptors that can be
    read, and not for another thread. Jitter is the same each time.
    """
    bell = Bell()
    with LogDirectory(directory) as logs:
        outputs = Outputs(logs, bell.ring)
        record = Record(bell, lambda address, life: None)  # a quiet script has no pipes
        log = EventLog(handler=record.hear)
        try:
            async with trio.open_nursery() as readers, backend:

                def attach(address: str, name: str, fd: int, *_: object) -> None:
                    outputs.stream(address, name).attached(record.lives[address] + 1)
                    readers.start_soon(partial(_read, logs, outputs, address, name, fd))

                world = World(Services(backend, handed_to(attach)), log, random.Random(0).random)
                async with running(Tree(spec, world), wait_up=False) as tree:
                    yield Stage(tree, record, outputs, bell, is_simulated=True)
        finally:
            log.close()


async def _read(logs: LogDirectory, outputs: Outputs, address: str, name: str, fd: int) -> None:
    """Bring a simulated program's output into its file; ends with it."""
    file = LogFile(str(logs.file_of(address, name)), Log(max_size=None))
    pipe = trio.lowlevel.FdStream(fd)
    with trio.CancelScope(shield=True):  # it ends when its writer does
        async with pipe:
            while data := await pipe.receive_some(_READ_SIZE):
                stored = 0
                while stored < len(data):
                    stored += file.write(data, stored)
                outputs.hear(address, name, data)
            outputs.hear(address, name, b"")
            file.close()
