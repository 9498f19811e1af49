"""Views of children for people: rows of a table, and a picture of the tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from supctl.actors.probing.liveness import HealthState
from supctl.exits import ExitReason
from supctl.specs import App, ChildSpec, Worker

from .child import Child
from .messages import ChildState


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
        health: ``healthy``, ``unhealthy``, ``unresponsive``, or ``unknown`` before the first
            answer and while it does not run; empty if nobody asks for its health.
        probed: what the last probe of its present or last life said, be it for its readiness or
            its health; empty before the first.
        status_text: what the app says of itself (``STATUS=`` of sd_notify(3)).
        tags: of its spec.
        waits_for: what keeps it from its first start, a phrase for each:
            ``migrate to complete (running)``.
        unwatched: why not all files that it is made of (``watch``) are watched; empty if they are.
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
    health: str = ""
    probed: str = ""
    status_text: str = ""
    tags: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    unwatched: str = ""

    @property
    def name(self) -> str:
        """The last part of its address."""
        return self.address.rpartition("/")[2]


def status_of(
    child: Child, state: ChildState | None, due_at: float | None, now: float, depth: int
) -> ChildStatus:
    """Return the view of a child, whose core says that it is in ``state``."""
    return ChildStatus(
        address=child.address,
        kind=kind_of(child.spec),
        state=state_word(child, state, due_at),
        pid=child.pid,
        uptime=now - child.started_at if child.life is not None and child.started_at else None,
        restarts=child.restarts,
        reason=child.reason,
        due_in=None if due_at is None else max(0.0, due_at - now),
        depth=depth,
        health=_health_of(child),
        probed=child.seen.said,
        status_text=child.seen.status_text,
        tags=child.spec.tags,
        unwatched=child.unwatched,
    )


def _health_of(child: Child) -> str:
    if not isinstance(child.spec, App) or child.spec.health is None:
        return ""
    known = child.seen.health if child.life is not None else ""
    return known or HealthState.UNKNOWN.value


def state_word(child: Child, state: ChildState | None, due_at: float | None) -> str:
    """Return the state of a child as people see it.

    Args:
        state: as its core says; ``None``: the core has forgotten it.
        due_at: when it will be started, be it with its group; ``None``: never.
    """
    match state:
        case ChildState.WAITING:
            return "backoff"
        case ChildState.STOPPED if due_at is not None:
            return "backoff"
        case ChildState.FAILED:
            return "failed"
        case ChildState.HELD:
            return "waiting"
        case ChildState.STOPPED | None:
            return "stopped" if child.stop_asked or child.reason is None else "exited"
        case ChildState.STARTING if child.life is None:
            return "starting"
    return "exited" if child.life is None else child.life.state


def kind_of(spec: ChildSpec) -> str:
    """Return ``app``, ``worker`` or ``supervisor``."""
    match spec:
        case App():
            return "app"
        case Worker():
            return "worker"
        case _:
            return "supervisor"


def picture(root: str, rows: Iterable[ChildStatus]) -> Iterator[str]:
    """Yield the lines of a picture of a tree; ``rows`` as of :meth:`Tree.status`."""
    yield root
    rows = list(rows)
    open_depths: set[int] = set()
    for place, row in enumerate(rows):
        following = next((other for other in rows[place + 1 :] if other.depth <= row.depth), None)
        last = following is None or following.depth < row.depth
        (open_depths.discard if last else open_depths.add)(row.depth)
        stems = "".join("│  " if depth in open_depths else "   " for depth in range(row.depth))
        yield f"{stems}{'└─ ' if last else '├─ '}{_line(row)}"


def _line(row: ChildStatus) -> str:
    facts = [row.state]
    if row.pid:
        facts.append(f"pid {row.pid}")
    if row.health:
        facts.append(row.health)
    if row.probed and (row.state == "starting" or row.health not in ("", "healthy")):
        facts.append(row.probed)
    facts += [f"waits for {it}" for it in row.waits_for]
    if row.unwatched:
        facts.append(f"not watched: {row.unwatched}")
    if row.due_in is not None:
        facts.append(f"starts in {row.due_in:.1f} s")
    if row.restarts:
        facts.append(f"{row.restarts} restarts" if row.restarts > 1 else "1 restart")
    if row.reason is not None and row.state not in ("running", "ready", "starting"):
        facts.append(str(row.reason))
    return f"{row.name}: {', '.join(facts)}"
