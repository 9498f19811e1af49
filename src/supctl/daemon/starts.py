"""Whether what was started has come up: where failures are borne, a start returns nevertheless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from supctl.errors import StartFailed
from supctl.exits import ExitKind, ExitReason
from supctl.supervision.handle import Handle
from supctl.supervision.status import ChildStatus

from .naming import below
from .outcome import Outcome

_DOWN: Final = frozenset({"backoff", "failed", "starting"})
"""States of what was started in vain; it may be starting again already."""


def came_up(handle: Handle, did: str, status: int | None = None) -> Outcome:
    """Return the outcome of a start.

    Raises:
        StartFailed: it was in vain, though the child may wait for its next attempt.
    """
    if (error := in_vain(handle)) is not None:
        raise error
    return Outcome(handle.address, did, status)


def in_vain(handle: Handle) -> StartFailed | None:
    """Return the error of a start that has failed, if it has."""
    return _in_vain(handle.address, handle.state, handle.reason)


def not_up(addresses: Iterable[str], rows: Iterable[ChildStatus]) -> list[dict[str, Any]]:
    """Return an outcome for each child below ``addresses`` that was started in vain."""
    started = frozenset(addresses)
    found = []
    for row in below(started, rows):
        error = _in_vain(row.address, row.state, row.reason)
        if error is not None and row.address not in started:
            found.append(asdict(Outcome.failed(row.address, error)))
    return found


def _in_vain(address: str, state: str, reason: ExitReason | None) -> StartFailed | None:
    if state not in _DOWN or reason is None or reason.kind is not ExitKind.START_FAILED:
        return None  # what has come up, and ended since, is up to its policies
    return StartFailed(address, reason.detail or str(reason))
