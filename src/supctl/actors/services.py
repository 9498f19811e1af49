"""What the children of a tree need of the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from supctl.backends.base import Backend
from supctl.errors import InvalidConfig

from .process.switchboard import Switchboard
from .registry import Registry, TreeRegistry

LastWords: TypeAlias = Callable[[bytes], None]
"""Is given the last bytes of an output at its end, 4 KiB at most. Called in any thread."""


class AttachOutput(Protocol):
    """Takes over the read end of an output pipe."""

    def __call__(
        self, address: str, stream: str, fd: int, on_end: LastWords | None = None, /
    ) -> None:
        """Take ``fd``, of the child's ``"stdout"`` or ``"stderr"``."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all children of a tree share.

    Args:
        backend: runs programs.
        attach_output: takes their output.
        preload: modules that actors with processes of their own find imported.
        start_method: how such a process begins, as in
            :class:`supctl.backends.base.PythonSpec`.
        board: knows the way to actors in other processes.
        registry: knows actors by name, and in groups.
    """

    backend: Backend
    attach_output: AttachOutput
    preload: tuple[str, ...] = ()
    start_method: str = "fork"
    board: Switchboard = field(default_factory=Switchboard)
    registry: Registry = field(default_factory=TreeRegistry)

    def __post_init__(self) -> None:
        if self.start_method not in ("fork", "spawn"):
            raise InvalidConfig("start_method", self.start_method, "'fork' or 'spawn'")
        self.board.names = self.registry
