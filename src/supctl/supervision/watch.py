"""Who watches the supervisors of a tree, to show them elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from .history import NEW, NOTHING, History, Standing

if TYPE_CHECKING:
    from .supervisor import SupervisorActor


class Watch:
    """Is told what changes in the supervisors of a tree. This one does not care."""

    def opened(self, actor: SupervisorActor) -> None:
        """A supervisor knows its children, and is about to start them."""

    def respecified(self, actor: SupervisorActor) -> None:
        """A supervisor, and its children, are made of other specs from now on."""

    def changed(self, actor: SupervisorActor, names: Collection[str]) -> None:
        """Something was done about those children of a supervisor, or about itself."""

    def closed(self, actor: SupervisorActor) -> None:
        """A supervisor has ended, and all its children."""

    def recall(self, address: str) -> History:
        """Return what is remembered of a child that has not been there in this life of the tree."""
        return NOTHING

    def standing_of(self, address: str) -> Standing:
        """Return what is remembered of a supervisor that has not been there in this life of the
        tree."""
        return NEW

    def told(self, method: str, *args: Any) -> None:
        """A watch in a process below tells this; it is :meth:`.isolated.mirror.Mirror.method`."""
