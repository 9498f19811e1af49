"""What ends mean: how an exit is to be read, and when it is the end of the whole tree."""

from __future__ import annotations

from supctl.exits import ExitKind, ExitReason, ExitStatus
from supctl.specs import App, ChildSpec, Exhausted, Supervisor

from .children import ChildRecord
from .messages import ChildState

_CLEAN = ExitStatus(code=0)
_BY_ITSELF = (ExitKind.NORMAL, ExitKind.CRASHED)


def as_meant(spec: ChildSpec, reason: ExitReason, uptime: float) -> ExitReason:
    """Return why a child ended that has run for ``uptime`` seconds, in the light of its spec.

    A code of its ``stop_exit_codes`` says that it has finished; any other end before its
    ``min_uptime`` is a crash.
    """
    if isinstance(spec, Supervisor) or reason.kind not in _BY_ITSELF:
        return reason
    status = reason.status
    if isinstance(spec, App) and status is not None and status.code in spec.stop_exit_codes:
        detail = f"{status}, one of its stop_exit_codes"
        return ExitReason(ExitKind.FINISHED, status, detail)
    if reason.is_normal and uptime < spec.min_uptime:
        ended = "ended" if status is None else str(status)
        detail = f"{ended} after {uptime:.3g} s, before its min_uptime of {spec.min_uptime:g} s"
        return ExitReason(ExitKind.CRASHED, status, detail)
    return reason


def escalation(child: ChildRecord, reason: ExitReason) -> ExitReason | None:
    """Return the reason with which the whole tree ends, as ``child`` has ended for good.

    ``None``: it does not. Its status is that of the app whose end it is, and tells how
    ``supctl up`` ends; an actor that has returned counts as code 0.
    """
    if reason.kind is ExitKind.ESCALATED:
        return reason
    if child.policy.essential:
        why = f"{child.name}, which is essential: {reason}"
    elif child.policy.exhausted is Exhausted.SHUT_DOWN and child.state is ChildState.FAILED:
        why = f"{child.name}, which has no restarts left: {reason}"
    else:
        return None
    clean = _CLEAN if reason.is_normal else None
    return ExitReason(ExitKind.ESCALATED, reason.status or clean, why)
