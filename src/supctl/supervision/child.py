"""What a supervisor knows of one child besides what its core decides by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from supctl.actors.incarnation import Incarnation
from supctl.exits import ExitReason
from supctl.specs import App, ChildSpec, Supervisor, Worker


@dataclass(slots=True, eq=False)
class Child:
    """One child: its spec, its present life and what its lives have left behind."""

    name: str
    """Unique in its supervisor: the spec's name, with ``:N`` for the N-th of several instances."""
    address: str
    spec: ChildSpec
    life: Incarnation | None = None
    run: int = 0
    """Number of the present or last life; the first is 1."""
    pid: int = 0
    started_at: float = 0.0
    restarts: int = 0
    """Automatic restarts over all its lives."""
    reason: ExitReason | None = None
    """Why it ended last."""
    last_event: int | None = None
    """Number of the last event that was about it: the cause of the next."""
    stop_asked: bool = False
    unenforced: tuple[str, ...] = ()
    """Its limits that are not enforced here, as last told."""


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """A moment's view of one child, for people.

    Args:
        address: ``/web/api:2``.
        kind: ``app``, ``worker`` or ``supervisor``.
        state: a word of DESIGN.md's vocabulary: ``running``, ``backoff``, ``failed``, ...
        pid: of its main process; 0 if it has none.
        uptime: seconds since it was started; ``None`` if it does not run.
        restarts: automatic restarts so far.
        reason: why it ended last; ``None`` if it never did.
        due_in: seconds until its next start; ``None`` if none is due.
        depth: 0 for children of the root.
    """

    address: str
    kind: str
    state: str
    pid: int
    uptime: float | None
    restarts: int
    reason: ExitReason | None
    due_in: float | None
    depth: int


def expand(spec: Supervisor, address: str) -> Iterator[Child]:
    """Yield the children of ``spec`` in start order, several instances one by one."""
    base = address.rstrip("/")
    for child in spec.children:
        if isinstance(child, App) and child.instances > 1:
            for number in range(1, child.instances + 1):
                name = f"{child.name}:{number}"
                yield Child(name, f"{base}/{name}", child)
        else:
            yield Child(child.name, f"{base}/{child.name}", child)


def kind_of(spec: ChildSpec) -> str:
    """Return ``app``, ``worker`` or ``supervisor``."""
    match spec:
        case App():
            return "app"
        case Worker():
            return "worker"
        case _:
            return "supervisor"
