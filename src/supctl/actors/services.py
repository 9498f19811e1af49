"""What the children of a tree need of the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from supctl.backends.base import Process, Spawner
from supctl.errors import InvalidConfig

from .process.switchboard import Switchboard
from .registry import Registry, TreeRegistry

LastWords: TypeAlias = Callable[[bytes], None]
"""Is given the last bytes of an output at its end, 4 KiB at most. Called in any thread."""


class TakeOutput(Protocol):
    """Takes over the output of a process, if it has any."""

    def __call__(
        self, address: str, process: Process, last_words: LastWords | None = None, /
    ) -> None:
        """Take the output pipes of ``process``, those of the child at ``address``.

        ``last_words`` is told the end of its standard error.
        """


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
    """

    backend: Spawner
    take_output: TakeOutput
    preload: tuple[str, ...] = ()
    start_method: str = "fork"
    board: Switchboard = field(default_factory=Switchboard)
    registry: Registry = field(default_factory=TreeRegistry)

    def __post_init__(self) -> None:
        if self.start_method not in ("fork", "spawn"):
            raise InvalidConfig("start_method", self.start_method, "'fork' or 'spawn'")
        self.board.names = self.registry


def handed_to(attach: Callable[[str, str, int, LastWords | None], None]) -> TakeOutput:
    """Return what gives every pipe to ``attach``, with the child's address, the stream's name
    (``"stdout"``, ``"stderr"``) and, for the latter, who is told the last words."""

    def take(address: str, process: Process, last_words: LastWords | None = None) -> None:
        stdout, stderr = process.take_output()
        if stdout is not None:
            attach(address, "stdout", stdout, None)
        if stderr is not None:
            attach(address, "stderr", stderr, last_words)

    return take
