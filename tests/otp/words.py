"""How the oracle says what both our players see: errors, counts, and the order of stops."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from supctl.errors import (
    AlreadyPresent,
    AlreadyRunning,
    InvalidConfig,
    InvalidState,
    ProcessNotFound,
    StartFailed,
    Unsupported,
)
from supctl.supervision.messages import ChildState
from tests.otp.language import SIMPLE


def in_words(error: Exception, kind: str, *, simple: bool) -> str:
    """Return the result that OTP gives where we raise ``error``.

    Args:
        kind: the request.
        simple: whether it went to a simple_one_for_one supervisor.
    """
    match error:
        case ProcessNotFound():  # OTP knows instances by pid, and stops any dead one
            return "ok" if simple else "error not_found"
        case StartFailed(reason=reason):
            bare = simple or kind == "restart_child"
            return f"error {reason}" if bare else f"error start_failed({reason})"
        case InvalidConfig():
            return "error bad_combination"
        case AlreadyRunning():
            return "error already_started"
        case AlreadyPresent():
            return "error already_present"
        case Unsupported():
            return f"error {SIMPLE}"
        case InvalidState(target="the supervisor"):
            return "error died(shutdown)"
        case InvalidState(state=state):
            return "error restarting" if state == ChildState.WAITING else "error running"
    raise error


def counts_in_words(specs: int, active: int, supervisors: int, workers: int) -> str:
    """Return the answer to ``count_children``."""
    return f"specs={specs} active={active} supervisors={supervisors} workers={workers}"


def in_canonical_order(trace: Iterable[str], definitions: Collection[str]) -> list[str]:
    """Return a trace with runs of stops under one simple supervisor sorted as text."""
    told: list[str] = []
    run: list[str] = []
    for line in trace:
        words = line.split()
        if words[0] == "stop" and words[1] not in definitions:
            run.append(line)
        else:
            told += [*sorted(run), line]
            run = []
    return told + sorted(run)
