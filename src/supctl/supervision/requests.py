"""What a supervisor answers to a request about a child: a table, and the errors it names."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, TypeAlias

from supctl.errors import (
    AlreadyPresent,
    AlreadyRunning,
    InvalidState,
    ProcessNotFound,
    SupctlError,
    Unsupported,
)

from . import messages as m
from .messages import ChildState


class Verdict(Enum):
    """What becomes of a request."""

    ADD = auto()
    STOP = auto()
    START = auto()
    RENEW = auto()
    DELETE = auto()
    NOT_FOUND = auto()
    ALREADY_STARTED = auto()
    ALREADY_PRESENT = auto()
    RUNNING = auto()
    RESTARTING = auto()
    NOT_HERE = auto()
    """A dynamic supervisor keeps nothing that could be restarted or deleted."""


_S, _V = ChildState, Verdict
Place: TypeAlias = tuple[type[m.Change], ChildState | None]

TABLE: Final[dict[Place, Verdict]] = {
    # OTP-API-02
    (m.StartChild, None): _V.ADD,
    (m.StartChild, _S.STOPPED): _V.ALREADY_PRESENT,
    (m.StartChild, _S.STARTING): _V.ALREADY_STARTED,
    (m.StartChild, _S.RUNNING): _V.ALREADY_STARTED,
    (m.StartChild, _S.WAITING): _V.ALREADY_PRESENT,
    (m.StartChild, _S.FAILED): _V.ALREADY_PRESENT,
    (m.StartChild, _S.HELD): _V.ALREADY_PRESENT,
    # OTP-API-03
    (m.TerminateChild, None): _V.NOT_FOUND,
    (m.TerminateChild, _S.STOPPED): _V.STOP,
    (m.TerminateChild, _S.STARTING): _V.STOP,
    (m.TerminateChild, _S.RUNNING): _V.STOP,
    (m.TerminateChild, _S.WAITING): _V.STOP,
    (m.TerminateChild, _S.FAILED): _V.STOP,
    (m.TerminateChild, _S.HELD): _V.STOP,
    # OTP-API-04
    (m.RestartChild, None): _V.NOT_FOUND,
    (m.RestartChild, _S.STOPPED): _V.START,
    (m.RestartChild, _S.STARTING): _V.RUNNING,
    (m.RestartChild, _S.RUNNING): _V.RUNNING,
    (m.RestartChild, _S.WAITING): _V.RESTARTING,
    (m.RestartChild, _S.FAILED): _V.START,
    (m.RestartChild, _S.HELD): _V.START,
    # Ours: whatever it does, it ends and starts.
    (m.RenewChild, None): _V.NOT_FOUND,
    (m.RenewChild, _S.STOPPED): _V.RENEW,
    (m.RenewChild, _S.STARTING): _V.RENEW,
    (m.RenewChild, _S.RUNNING): _V.RENEW,
    (m.RenewChild, _S.WAITING): _V.RENEW,
    (m.RenewChild, _S.FAILED): _V.RENEW,
    (m.RenewChild, _S.HELD): _V.RENEW,
    # OTP-API-05
    (m.DeleteChild, None): _V.NOT_FOUND,
    (m.DeleteChild, _S.STOPPED): _V.DELETE,
    (m.DeleteChild, _S.STARTING): _V.RUNNING,
    (m.DeleteChild, _S.RUNNING): _V.RUNNING,
    (m.DeleteChild, _S.WAITING): _V.RESTARTING,
    (m.DeleteChild, _S.FAILED): _V.DELETE,
    (m.DeleteChild, _S.HELD): _V.DELETE,
}

DYNAMIC: Final[dict[Place, Verdict]] = {
    # OTP-SOFO-07
    place: _V.NOT_HERE if place[0] in (m.RestartChild, m.DeleteChild) else verdict
    for place, verdict in TABLE.items()
}

IMPOSSIBLE: Final = {
    # Whatever is asked of a child waits until it is down.
    (kind, _S.STOPPING)
    for kind in (m.StartChild, m.TerminateChild, m.RestartChild, m.RenewChild, m.DeleteChild)
}
"""Pairs that cannot come about; with the table they are all pairs there are."""


def refusal(verdict: Verdict, name: str, state: ChildState | None) -> SupctlError:
    """Return the error that a verdict stands for."""
    match verdict:
        case Verdict.NOT_FOUND:
            return ProcessNotFound(name)
        case Verdict.ALREADY_STARTED:
            return AlreadyRunning(name, "a child of this name runs")
        case Verdict.ALREADY_PRESENT:
            return AlreadyPresent(name, str(state))
        case Verdict.NOT_HERE:
            return Unsupported("restart and delete", "a dynamic supervisor", "start a new child")
        case _:
            return InvalidState(name, str(state), "stopped")
