"""An incarnation: one life of a child, from a start to its end, as its supervisor sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from supctl.exits import ExitReason


@dataclass(frozen=True, slots=True)
class Up:
    """The start has succeeded. ``pid`` is 0 for what has no process of its own."""

    pid: int = 0
    unenforced: tuple[str, ...] = ()
    """Limits that were asked for and are not enforced, each with its reason."""


@dataclass(frozen=True, slots=True)
class NotUp:
    """The start has failed; nothing of it is left. The last report."""

    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Ignored:
    """The start has found that it is not needed; nothing of it is left. The last report."""


@dataclass(frozen=True, slots=True)
class Detached:
    """Its main process has ended and these descendants live on; ``kept``: they may."""

    pids: tuple[int, ...]
    kept: bool


@dataclass(frozen=True, slots=True)
class Paused:
    """All its processes stand still."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Its processes go on after a pause."""


@dataclass(frozen=True, slots=True)
class Killed:
    """It did not stop within ``grace`` seconds and is being killed."""

    grace: float


@dataclass(frozen=True, slots=True)
class Down:
    """It has ended and nothing of it is left. The last report."""

    reason: ExitReason


Report: TypeAlias = Up | NotUp | Ignored | Detached | Paused | Resumed | Killed | Down
Tell: TypeAlias = Callable[[Report], None]


class Incarnation(ABC):
    """One life of a child.

    Its supervisor runs :meth:`run` in a task of its own and hears by reports: one of
    :class:`Up`, :class:`NotUp` and :class:`Ignored`; after ``Up`` in the end one :class:`Down`.
    """

    __slots__ = ()

    grace: float = 0.0
    """Seconds that an orderly stop may take; infinite for a supervisor, whose children
    each have their own."""

    last_event: int | None = None
    """Number of the event that its end follows from, if there was one that it has told itself."""

    @property
    @abstractmethod
    def state(self) -> str:
        """The state as people see it: ``starting``, ``running``, ``stopping``, ``detached``."""

    @abstractmethod
    async def run(self) -> None:
        """Live. Returns after the last report; raises nothing but cancellation."""

    @abstractmethod
    def stop(self) -> None:
        """Ask it to end in order, within its grace. Never blocks; may be repeated."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once. Never blocks; may be repeated."""

    def signal(self, number: int) -> None:  # noqa: B027
        """Send a signal to its process group. Does nothing if it has no process, or none now."""

    def pause(self) -> None:  # noqa: B027
        """Have all its processes stand still. Does nothing but to a program that runs."""

    def resume(self) -> None:  # noqa: B027
        """Let its processes go on. Does nothing but to what is paused."""
