"""What the children of a tree need of the world."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

import trio

from supctl.backends.base import Process, Spawner
from supctl.errors import InvalidConfig
from supctl.logs.seek import Seek
from supctl.specs import Log

from .inheritance import Claim, nothing
from .process.switchboard import Switchboard
from .registry import Registry, TreeRegistry

PROBES_AT_ONCE: Final = 50
"""Enough for a thousand apps that answer in milliseconds; and as many commands may be started."""

LastWords: TypeAlias = Callable[[bytes], None]
"""Is given the last bytes of an output at its end, 4 KiB at most. Called in any thread."""


class TakeOutput(Protocol):
    """Takes over the output of a process, if it has any."""

    def __call__(
        self,
        address: str,
        process: Process,
        last_words: LastWords | None = None,
        seek: Seek | None = None,
        log: Log | None = None,
        /,
    ) -> None:
        """Take the output pipes of ``process``, those of the child at ``address``.

        ``last_words`` is told the end of its standard error, ``seek`` of a line of either pipe.
        ``log`` says what becomes of it; ``None``: what the tree says for all.
        """


CheckLog: TypeAlias = Callable[[str, Log], Awaitable[None]]
"""Sees whether the log of the child at an address can be written; raises StorageFailed."""


Redirect: TypeAlias = Callable[[str, Log | None, int], None]
"""Has what is to come of the child at an address, of that pid, stored as a log says."""


def _nowhere(address: str, log: Log | None, pid: int) -> None:
    """Where nothing is stored, nothing changes."""


async def _no_files(address: str, log: Log) -> None:
    """Where nothing is stored, nothing can fail."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all children of a tree share.

    Args:
        backend: runs programs.
        take_output: takes their output.
        preload: modules that actors with processes of their own find imported.
        start_method: how such a process begins, as in
            :class:`supctl.backends.base.PythonSpec`.
        board: knows the way to actors in other processes.
        registry: knows actors by name, and in groups.
        check_log: sees whether a log can be written.
        redirect: has the output of a program that runs stored otherwise.
        probes: how many questions to programs may be under way at once.
        claim: gives programs that have outlived who supervised them to who goes on with them.
        keeps: whether programs outlive us in their turn.
        private: absolute paths of files and directories of supctl's own, which no program is made
            of.
    """

    backend: Spawner
    take_output: TakeOutput
    preload: tuple[str, ...] = ()
    start_method: str = "fork"
    board: Switchboard = field(default_factory=Switchboard)
    registry: Registry = field(default_factory=TreeRegistry)
    check_log: CheckLog = _no_files
    redirect: Redirect = _nowhere
    probes: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(PROBES_AT_ONCE))
    claim: Claim = nothing
    keeps: bool = False
    private: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start_method not in ("fork", "spawn"):
            raise InvalidConfig("start_method", self.start_method, "'fork' or 'spawn'")
        self.board.names = self.registry
        if self.keeps:
            # An actor that outlives us has references which mean nobody, and never somebody else.
            self.board.number_after(time.monotonic_ns())


Attach: TypeAlias = Callable[[str, str, int, LastWords | None, Seek | None, Log | None, int], None]


def handed_to(attach: Attach) -> TakeOutput:
    """Return what gives every pipe to ``attach``, with the child's address, the stream's name
    (``"stdout"``, ``"stderr"``), for the latter who is told the last words, who seeks a line, what
    becomes of it, and the pid.
    """

    def take(
        address: str,
        process: Process,
        last_words: LastWords | None = None,
        seek: Seek | None = None,
        log: Log | None = None,
    ) -> None:
        stdout, stderr = process.take_output()
        if stdout is not None:
            attach(address, "stdout", stdout, None, seek, log, process.pid)
        if stderr is not None:
            attach(address, "stderr", stderr, last_words, seek, log, process.pid)

    return take
