"""A stage: a tree that runs for a test, and everything a test can know about it."""

from __future__ import annotations

import random as random_module
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from supctl import events
from supctl.actors.app.actor import AppServices, AttachOutput
from supctl.backends.base import Backend
from supctl.backends.platform import open_backend
from supctl.backends.simulated import SimulatedBackend
from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.logs.file import LogFile, log_problem
from supctl.specs import Supervisor
from supctl.supervision.node import World
from supctl.supervision.tree import Tree, running

from .bell import Bell
from .output import Outputs
from .record import Record

_READ_SIZE = 64 * 1024


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
    """Run a tree of real programs as :func:`supctl.open_tree` does, beside the block.

    It is started but not waited for. The output goes to ``directory``.

    Raises:
        GaveUp, StartFailed: at the end, if the tree ended that way.
    """
    bell = Bell()
    record = Record(bell)
    token = trio.lowlevel.current_trio_token()

    def wake() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(bell.ring, idempotent=True)

    def reaper_restarted(detail: str, pid: int) -> None:
        record.emit(events.ReaperRestarted(address="/", detail=detail, pid=pid))

    with LogDirectory(directory) as logs:
        outputs = Outputs(logs, record.lives.__getitem__, wake)
        capture = Capture(logs, tap=outputs.hear)
        try:
            async with open_backend(reaper_restarted) as backend:
                attach = outputs.noting(capture.attach)
                tree = _tree(spec, backend, attach, record, random_module.random)
                async with running(tree, wait_up=False):
                    yield Stage(tree, record, outputs, bell, is_simulated=False)
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(capture.close)
            record.close()


@asynccontextmanager
async def simulated_stage(
    spec: Supervisor, directory: Path, backend: SimulatedBackend, random: Callable[[], float]
) -> AsyncIterator[Stage]:
    """Run a tree of scripted programs beside the block; otherwise as :func:`real_stage`.

    Output is read in the trio thread: a clock that jumps waits for descriptors that can be
    read, and not for another thread.
    """
    bell = Bell()
    record = Record(bell)
    with LogDirectory(directory) as logs:
        outputs = Outputs(logs, record.lives.__getitem__, bell.ring)
        try:
            async with trio.open_nursery() as readers, backend:
                read = partial(_read, logs, outputs)
                attach = outputs.noting(partial(readers.start_soon, read))
                tree = _tree(spec, backend, attach, record, random)
                async with running(tree, wait_up=False):
                    yield Stage(tree, record, outputs, bell, is_simulated=True)
        finally:
            record.close()


def _tree(
    spec: Supervisor,
    backend: Backend,
    attach: AttachOutput,
    record: Record,
    random: Callable[[], float],
) -> Tree:
    return Tree(spec, World(AppServices(backend, attach), record, random))


async def _read(logs: LogDirectory, outputs: Outputs, address: str, name: str, fd: int) -> None:
    """Bring a simulated program's output into its file; ends with it."""
    file = LogFile(logs, address, name, log_problem)
    pipe = trio.lowlevel.FdStream(fd)
    with trio.CancelScope(shield=True):  # it ends when its writer does
        async with pipe:
            while data := await pipe.receive_some(_READ_SIZE):
                file.append(data)
                outputs.hear(address, name, data)
            outputs.hear(address, name, b"")
            file.close()
