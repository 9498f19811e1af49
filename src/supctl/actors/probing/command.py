"""One try of a probe that is a command."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

import trio

from supctl.actors.secrets import revealed
from supctl.backends.answers import Answer
from supctl.backends.base import Process, ProcessSpec, Spawner
from supctl.errors import SupctlError
from supctl.specs.probe import Exec

_KILL_PATIENCE: Final = 5.0
"""Seconds a killed command may take. Only what is stuck in the kernel takes longer; it stays
with the backend."""


async def try_command(probe: Exec, surroundings: ProcessSpec, backend: Spawner) -> Answer:
    """Run the command to its end.

    When this returns, or is cancelled, nothing of it lives: what it leaves behind is killed.

    Args:
        surroundings: as what the app runs.
    """
    spec = replace(
        surroundings,
        command=probe.command,
        stdout=False,
        stderr=False,
        memory=None,
        cpu=None,
        pids=None,
        pid_in="",
        grace=0.0,
    )
    try:
        process = await backend.spawn(await revealed(spec))
    except SupctlError as error:
        return Answer(False, str(error))
    try:
        status = await process.wait()
    finally:
        await _end(process)
    if status.is_unknown:
        return Answer(False, "the command was lost")
    return Answer(status.is_success, f"probe {status}")


async def _end(process: Process) -> None:
    process.kill()
    for fd in process.take_output():
        if fd is not None:
            os.close(fd)
    with trio.CancelScope(shield=True), trio.move_on_after(_KILL_PATIENCE):
        await process.wait_gone()
