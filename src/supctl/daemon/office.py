"""What the daemon can be asked, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import trio

from supctl.backends.base import Backend
from supctl.control.home import Home
from supctl.journal.journal import Journal
from supctl.supervision.tree import Tree

from .admission import Admission
from .audit import Audit
from .calls import Calls
from .control import Control
from .details import Details
from .errands import Errands
from .followers import Followers
from .health import HealthViews
from .keeper import Keeper
from .lines import Lines
from .logs import Logs
from .peer import Peer
from .plans import Plans
from .projects import Projects
from .service import ControlService
from .stories import Stories
from .upgrade import Upgrades
from .views import Views
from .waiting import Waiting

CHANGING = (
    *("add", "update", "scale", "start", "stop", "restart", "delete", "signal", "pause"),
    *("resume", "reset", "call", "env", "save", "resurrect", "rotate_logs", "flush_logs"),
    *("upgrade", "shutdown"),
)
LOOKING = (
    *("ping", "projects", "plan", "about", "status", "health", "describe", "inspect", "wait"),
    *("events", "outputs", "lines", "why"),
)
"""Methods of the control protocol (docs/protocol.md), those that change something or may
show a secret, and the rest."""


class Office:
    """Answers all that is asked over the control socket.

    Args:
        tree, home, lines, backend, keeper, journal: of the daemon.
        nursery: commands are carried out in it.

    Attributes:
        projects, logs, followers: what is also needed elsewhere.
        audit: where who changed what is noted.
    """

    def __init__(
        self,
        tree: Tree,
        home: Home,
        lines: Lines,
        backend: Backend,
        keeper: Keeper,
        journal: Journal,
        nursery: trio.Nursery,
    ) -> None:
        errands, details = Errands(nursery), Details(tree)
        self.projects, self.logs = Projects(tree, keeper, errands), Logs(tree, home.outputs)
        self.followers = Followers(tree, keeper, self.projects)
        views = Views(tree, home, lines, backend, keeper.desired, self.followers)
        self.audit = Audit(home.audit)
        control, stories = (
            Control(tree, keeper, errands),
            Stories(tree, views, journal, home.journal),
        )
        self._changing = _methods(
            *(CHANGING, self.projects, control, Calls(tree), details, self.logs),
            Upgrades(tree, home, backend, self.audit),
        )
        self._looking = _methods(
            *(LOOKING, self.projects, views, HealthViews(tree), details, self.logs),
            *(Plans(tree), Waiting(tree), stories),
        )

    def serve(self, admission: Admission, peer: Peer) -> ControlService:
        """Return what a peer may ask for."""
        access = admission.of(peer)
        return ControlService(peer, access, self._changing, self._looking, self.audit)


def _methods(names: Sequence[str], *owners: object) -> dict[str, Callable[..., Any]]:
    """Return methods by name, each of the first of ``owners`` that has it."""
    return {
        name: next(getattr(owner, name) for owner in owners if hasattr(owner, name))
        for name in names
    }
