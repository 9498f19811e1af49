"""One life of a Python actor that has a process of its own, as its supervisor sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from supctl.actors.incarnation import Tell
from supctl.actors.services import Services
from supctl.actors.threaded import threaded
from supctl.specs import Worker
from supctl.specs.isolation import needs_script
from supctl.specs.place import place_of

from .actor_host import ENTRY, WARM_UP
from .hosted import Hosted


class ProcessWorker(Hosted):
    """One life of a Python actor in a process of its own.

    Args:
        spec: which class, with which arguments.
        address, services, tell: as of :class:`~.hosted.Hosted`.
    """

    entry, warm_up = ENTRY, WARM_UP

    def __init__(self, spec: Worker, address: str, services: Services, tell: Tell) -> None:
        super().__init__(address, services, tell, spec.hung_after)
        self._spec = spec

    @property
    def grace(self) -> float:  # type: ignore[override]
        return self._spec.grace

    @property
    def ref(self) -> Any:
        """A reference to this life."""
        kind = self._spec.actor if isinstance(self._spec.actor, type) else None
        if kind is not None and self._spec.blocking:
            kind = threaded(kind)
        board = self._services.board
        return board.reference(self._branch.place, self._branch.number, self._address, kind)

    def _what(self) -> Sequence[Any]:
        spec = self._spec
        options = {"kwargs": dict(spec.kwargs), "grace": spec.grace, "blocking": spec.blocking}
        return self._place, spec.args, options

    def _needs_script(self) -> bool:
        return needs_script(self._spec)

    def _take_fact(self, fact: int) -> None:
        self._branch.number = fact

    @property
    def _place(self) -> str:
        actor = self._spec.actor
        return actor if isinstance(actor, str) else place_of(actor)
