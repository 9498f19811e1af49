"""How children have ended lately, as the latest events tell it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from supctl.events import ChildExited, ChildStartFailed, Event
from supctl.exits import ExitReason
from supctl.supervision.status import ChildStatus


class Ends:
    """How often, and within what time, children have ended the same way.

    Args:
        latest: events, the oldest first.
    """

    def __init__(self, latest: Iterable[Event]) -> None:
        self._unasked: dict[str, list[ChildExited | ChildStartFailed]] = {}
        for event in latest:
            match event:
                case ChildExited(asked=True):
                    self._unasked.pop(event.address, None)
                case ChildExited() | ChildStartFailed():
                    self._unasked.setdefault(event.address, []).append(event)

    def of(self, row: ChildStatus) -> dict[str, Any] | None:
        """Return its last end, as facts for a sentence; ``None`` if it never ended.

        ``kind``, ``code``, ``signal`` and ``detail`` tell how; ``times`` how often in a row it has
        ended like that, and ``within`` the seconds from the first start of those to the last end.
        """
        reason = row.reason
        if reason is None:
            return None
        same: list[ChildExited | ChildStartFailed] = []
        for event in reversed(self._unasked.get(row.address, [])):
            if _facts(event.reason) != _facts(reason):
                break
            same.append(event)
        within = 0.0
        if same:
            first = same[-1]
            lived = first.uptime if isinstance(first, ChildExited) else 0.0
            within = same[0].at - first.at + lived
        return {**_facts(reason), "times": max(1, len(same)), "within": within}


def _facts(reason: ExitReason) -> dict[str, Any]:
    status = reason.status
    return {
        "kind": str(reason.kind),
        "code": None if status is None else status.code,
        "signal": None if status is None else status.signal,
        "detail": reason.detail,
    }
