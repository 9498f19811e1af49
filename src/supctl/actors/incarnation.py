"""An incarnation: one life of a child, from a start to its end, as its supervisor sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from supctl.exits import ExitReason
from supctl.specs import ChildSpec

from .inheritance import Remains


@dataclass(frozen=True, slots=True)
class Started:
    """It has a process, but whether its start succeeds is open. Fields as of :class:`Up`."""

    pid: int
    unenforced: tuple[str, ...] = ()
    age: float | None = None
    """Seconds since its start, if we have only taken it over; ``None``: it was started now."""


@dataclass(frozen=True, slots=True)
class Up:
    """The start has succeeded. ``pid`` is 0 for what has no process of its own."""

    pid: int = 0
    unenforced: tuple[str, ...] = ()
    """Limits that were asked for and are not enforced, each with its reason."""
    ready_after: float | None = None
    """Seconds since :class:`Started`; ``None``: there was nothing to wait for."""
    age: float | None = None
    """As of :class:`Started`."""


@dataclass(frozen=True, slots=True)
class NotUp:
    """The start has failed; nothing of it is left. The last report."""

    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Ignored:
    """The start has found that it is not needed; nothing of it is left. The last report."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How it is, as it was last seen.

    Args:
        health: a word of :class:`~supctl.actors.probing.liveness.HealthState`; empty if nobody
            asks for its health.
        said: what the last probe said; empty before the first.
        status_text: what it says of itself (``STATUS=`` of sd_notify(3)).
    """

    health: str = ""
    said: str = ""
    status_text: str = ""


NOTHING_SEEN: Final = Seen()


@dataclass(frozen=True, slots=True)
class Checkup:
    """What is known of one life by asking it, at this moment.

    Args:
        ready: whether it has become ready; true where nothing is to be waited for.
        health, said: as of :class:`Seen`.
        age: seconds since the last answer, be it about its readiness or its health; ``None``
            before the first.
        failures: answers in a row that it is not well.
    """

    ready: bool
    health: str = ""
    said: str = ""
    age: float | None = None
    failures: int = 0


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
    """It has ended and nothing of it is left. The last report.

    Args:
        reason: why.
        stuck: something of it lives on that could not be ended by force within its time, and
            will end some day.
    """

    reason: ExitReason
    stuck: bool = False


Report: TypeAlias = (
    Started | Up | NotUp | Ignored | Seen | Detached | Paused | Resumed | Killed | Down
)
Tell: TypeAlias = Callable[[Report], None]


class Incarnation(ABC):
    """One life of a child.

    Its supervisor runs :meth:`run` in a task of its own and hears by reports: one of
    :class:`Up`, :class:`NotUp` and :class:`Ignored`; after ``Up`` in the end one :class:`Down`.
    One that is asked to stop before it was ``Up`` may end with ``Down`` too.
    """

    __slots__ = ()

    grace: float = 0.0
    """Seconds that an orderly stop may take; infinite for a supervisor, whose children
    each have their own."""

    @property
    def last_event(self) -> int | None:
        """Number of the event that its end follows from, if there was one that it has told."""
        return None

    @property
    @abstractmethod
    def state(self) -> str:
        """The state as people see it: ``starting``, ``running``, ``ready``, ``stopping``, ..."""

    @abstractmethod
    async def run(self) -> None:
        """Live. Returns after the last report; raises nothing but cancellation."""

    @abstractmethod
    def stop(self) -> None:
        """Ask it to end in order, within its grace. Never blocks; may be repeated."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once. Never blocks; may be repeated."""

    def adopt(self, spec: ChildSpec) -> None:  # noqa: B027
        """Go on as another spec says, in what needs no new life. Never blocks."""

    def checkup(self) -> Checkup | None:
        """Return what is known by asking it; ``None`` where nobody asks."""
        return None

    @property
    def remains(self) -> Remains | None:
        """What somebody must know to go on with it; ``None``: nobody can."""
        return None

    def signal(self, number: int) -> None:  # noqa: B027
        """Send a signal to its process group. Does nothing if it has no process, or none now."""

    def pause(self) -> None:  # noqa: B027
        """Have all its processes stand still. Does nothing but to a program that runs."""

    def resume(self) -> None:  # noqa: B027
        """Let its processes go on. Does nothing but to what is paused."""
