"""What a supervisor's core must know of a child, and the states that it knows."""

from __future__ import annotations

from dataclasses import dataclass, field

from supctl.exits import ExitKind, ExitReason
from supctl.specs import Backoff, Exhausted, Intensity, Restart

from .history import NOTHING, History


@dataclass(frozen=True, slots=True)
class ChildPolicy:
    """All that the core must know of a child.

    Args:
        name: unique in its supervisor.
        brutal: a stop kills it at once (OTP's ``brutal_kill``).
        depends_on: names of children that must be up before it starts.
        after_success, after_end: names of those that must have completed, or ended for good,
            before it starts for the first time.
        is_supervisor: it is counted among the supervisors; nothing else (OTP-SPEC-10).
        restart, backoff, give_up_after, exhausted, min_uptime, significant, essential,
            autostart: as in the spec of the child.
        limit: its ``max_restarts`` and ``within``.
        past: its restarts under a supervising process of before, when it begins.
    """

    name: str
    restart: Restart = Restart.PERMANENT
    backoff: Backoff = field(default_factory=Backoff)
    give_up_after: int | None = None
    limit: Intensity | None = None
    exhausted: Exhausted = Exhausted.STOP
    min_uptime: float = 0.0
    significant: bool = False
    essential: bool = False
    autostart: bool = True
    brutal: bool = False
    depends_on: tuple[str, ...] = ()
    after_success: tuple[str, ...] = ()
    after_end: tuple[str, ...] = ()
    is_supervisor: bool = False
    past: History = NOTHING

    def is_restarted_after(self, reason: ExitReason) -> bool:
        """Return whether an end for ``reason`` calls for a restart."""
        return not reason.is_final and self.restart.applies(normal=reason.is_normal)

    def should_not_end_by(self, reason: ExitReason) -> bool:
        """Return whether an end for ``reason`` is reported (OTP-REP-01)."""
        if reason.kind is ExitKind.FINISHED:
            return False
        return self.restart is Restart.PERMANENT or not reason.is_normal

    @property
    def stable_after(self) -> float:
        """Seconds of running after which its restarts are forgotten."""
        return max(self.backoff.reset_after, self.min_uptime)

    def bears(self, reason: ExitReason) -> bool:
        """Return whether a stop on request may end with ``reason`` unreported (OTP-STOP-02)."""
        wanted = ExitKind.KILLED if self.brutal else ExitKind.SHUTDOWN
        if reason.kind in (wanted, ExitKind.ESCALATED):
            return True
        return reason.is_normal and self.restart is not Restart.PERMANENT
