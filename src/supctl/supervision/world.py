"""What all supervisors of a tree share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from supctl.actors.services import Services
from supctl.logs.capture import Capture

from .eventlog import EventLog
from .pacer import Pacer
from .watch import Watch


@dataclass(frozen=True, slots=True)
class World:
    """What all supervisors of a tree, or of a part of it, share.

    Args:
        services: of their children.
        events: the log of all events.
        random: returns floats in [0, 1), for jitter.
        pacer: the start rate, if there is one.
        watch: is told what changes.
        parked: addresses of what somebody has stopped: it does not start with its supervisor,
            unless its ``restart`` is ``always``.
        logs: keeps the output of programs; ``None`` where that is done elsewhere.
        is_forest: as of :func:`~.opening.open_tree`.
    """

    services: Services
    events: EventLog
    random: Callable[[], float]
    pacer: Pacer | None = None
    watch: Watch = field(default_factory=Watch)
    parked: Collection[str] = frozenset()
    logs: Capture | None = None
    is_forest: bool = False
