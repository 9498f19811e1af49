"""How a process ended (:class:`ExitStatus`) and why a child ended (:class:`ExitReason`).

The two are different things. A status is what the kernel reported of one
process. A reason is what supervision decides by: it may come from a status, from
an exception in an actor, or from the fact that somebody asked.
"""

from __future__ import annotations

import signal as signals
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended: by itself with a code, by a signal, or unknown.

    Exactly one of ``code`` and ``signal`` is set, or neither when nobody could
    tell (the process was not our child any more; see :attr:`is_unknown`). A death by
    signal is therefore never mistaken for code 0.

    Args:
        code: exit code, 0 to 255.
        signal: number of the signal that ended it.
        core_dumped: the kernel wrote a core file.
        out_of_memory: the kernel's out-of-memory killer ended it.
        wall_time: seconds from start to end.
        cpu_time: user plus system seconds, of it and of the children it waited for.
        peak_memory: largest resident set in bytes (``ru_maxrss``).
        peak_of_all: the most memory in bytes that all its processes had together, files that the
            kernel keeps for them included; 0 if it has no limit of memory, or before Linux 5.19.
    """

    code: int | None = None
    signal: int | None = None
    core_dumped: bool = False
    out_of_memory: bool = False
    wall_time: float = 0.0
    cpu_time: float = 0.0
    peak_memory: int = 0
    peak_of_all: int = 0

    def __post_init__(self) -> None:
        if self.code is not None and self.signal is not None:
            raise ValueError("an exit status has a code or a signal, not both")

    @property
    def is_success(self) -> bool:
        """Whether it ended by itself with code 0."""
        return self.code == 0

    @property
    def is_unknown(self) -> bool:
        """Whether nobody could tell how it ended."""
        return self.code is None and self.signal is None

    @property
    def shell_code(self) -> int:
        """Return it as a shell shows it in ``$?``: the code, 128 + signal, or 1 if unknown."""
        if self.signal is not None:
            return 128 + self.signal
        return 1 if self.code is None else self.code

    def __str__(self) -> str:
        if self.out_of_memory:
            return "ran out of memory"
        if self.signal is not None:
            core = ", core dumped" if self.core_dumped else ""
            return f"killed by {signal_name(self.signal)}{core}"
        return "exit status unknown" if self.code is None else f"exited with code {self.code}"


def signal_name(number: int) -> str:
    """Return ``"SIGTERM"`` for 15, ``"signal 99"`` for what has no name here."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"


class ExitKind(StrEnum):
    """The kinds of exit reason (DESIGN.md, "Vocabulary")."""

    NORMAL = "normal"
    """It finished its work: code 0, or an actor that returned."""
    FINISHED = "finished"
    """It ended with a code by which it says that it wants no restart (``stop_exit_codes``)."""
    SHUTDOWN = "shutdown"
    """It was asked to stop and did, or its supervisor went down in order."""
    CRASHED = "crashed"
    """A code other than 0, a signal, or an exception."""
    KILLED = "killed"
    """It was asked to stop, did not within its grace, and was killed by us."""
    OUT_OF_MEMORY = "out_of_memory"
    """The kernel killed it at its memory limit."""
    UNHEALTHY = "unhealthy"
    """It ran, but its health checks failed too often; we asked it to stop."""
    START_FAILED = "start_failed"
    """It never ran, or never became ready."""
    LOST = "lost"
    """The reaper or node that held it is gone."""
    ESCALATED = "escalated"
    """A supervisor that ended because something below it has ended with which the whole tree
    ends (``essential``, ``exhausted = "shut_down"``)."""


@dataclass(frozen=True, slots=True)
class ExitReason:
    """Why a child ended.

    Args:
        kind: the kind, which alone decides about restarts.
        status: the status of the process, where there was one.
        detail: a phrase for people, without the child's name (``"ValueError: no"``).
    """

    kind: ExitKind
    status: ExitStatus | None = None
    detail: str = ""

    @property
    def is_normal(self) -> bool:
        """Whether a ``transient`` child that ends so stays ended.

        ``normal`` and ``shutdown``, as in OTP (``supervisor:do_restart/3``), and ``finished``.
        """
        return self.kind in (ExitKind.NORMAL, ExitKind.SHUTDOWN, ExitKind.FINISHED)

    @property
    def is_final(self) -> bool:
        """Whether no child that ends so is started again, be it ``permanent``."""
        return self.kind in (ExitKind.FINISHED, ExitKind.ESCALATED)

    def __str__(self) -> str:
        told = self.detail or ("" if self.status is None else str(self.status))
        return f"{self.kind.value.replace('_', ' ')} ({told})" if told else str(self.kind.value)

    @classmethod
    def of_status(cls, status: ExitStatus) -> ExitReason:
        """Return the reason of a process that ended unasked with ``status``."""
        if status.out_of_memory:
            return cls(ExitKind.OUT_OF_MEMORY, status)
        return cls(ExitKind.NORMAL if status.is_success else ExitKind.CRASHED, status)


NORMAL = ExitReason(ExitKind.NORMAL)
SHUTDOWN = ExitReason(ExitKind.SHUTDOWN)
