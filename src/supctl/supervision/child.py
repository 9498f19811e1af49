"""What a supervisor knows of one child besides what its core decides by."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from supctl.actors.incarnation import NOTHING_SEEN, Incarnation, Seen
from supctl.exits import ExitReason
from supctl.specs import App, ChildSpec, Intensity, Restart, Supervisor, Worker
from supctl.specs.dependencies import Condition, start_order

from .history import NOTHING, History
from .messages import ChildPolicy

_NOBODY: Final[Mapping[str, Condition]] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Child:
    """One child: its spec, its present life and what its lives have left behind."""

    name: str
    """Unique in its supervisor: the spec's name, with ``:N`` for the N-th of several instances."""
    address: str
    spec: ChildSpec
    """What it was made of; the same for all instances."""
    is_static: bool = True
    """It was there when the supervisor started: it stays to be seen when the core forgets it."""
    life: Incarnation | None = None
    run: int = 0
    """Number of the present or last life; the first is 1."""
    pid: int = 0
    started_at: float = 0.0
    restarts: int = 0
    """Automatic restarts over all its lives."""
    past: History = NOTHING
    """Its restarts under a supervising process of before."""
    reason: ExitReason | None = None
    """Why it ended last."""
    last_event: int | None = None
    """Number of the last event that was about it: the cause of the next."""
    stop_asked: bool = False
    stopped_for: int | None = None
    """Number of the event for which it was last asked to stop, if there is one."""
    forced: bool = False
    """Somebody waits for its end who does not grant it an orderly one."""
    stuck: bool = False
    """Something of its last life lives on that could not be ended."""
    killed: int = 0
    """Number of the life that was killed by request."""
    seen: Seen = NOTHING_SEEN
    """How its present or last life looks, as last told."""
    unenforced: tuple[str, ...] = ()
    """Its limits that are not enforced here, as last told."""
    unwatched: str = ""
    """Why not all files that it is made of are watched, as last told."""

    @property
    def own(self) -> ChildSpec:
        """The spec with what is its own, as of :func:`own_spec`."""
        return own_spec(self.spec, self.name)


def expand(children: Iterable[ChildSpec], address: str) -> Iterator[Child]:
    """Yield the children of the supervisor at ``address`` in start order.

    Several instances come one by one.
    """
    specs = {child.name: child for child in children}
    for name in start_order({name: child.depends_on for name, child in specs.items()}):
        for instance in names_of(specs[name]):
            yield Child(instance, join(address, instance), specs[name])


def names_of(spec: ChildSpec) -> list[str]:
    """Return the names of the children that ``spec`` stands for."""
    if isinstance(spec, App) and spec.instances > 1:
        return [f"{spec.name}:{number}" for number in range(1, spec.instances + 1)]
    return [spec.name]


def own_spec(spec: ChildSpec, name: str) -> ChildSpec:
    """Return ``spec`` as it is for the child called ``name``, which may be the N-th instance."""
    if not isinstance(spec, App):
        return spec
    number = name.removeprefix(spec.name).removeprefix(":")
    return spec.instance(int(number or 1))


def join(address: str, name: str) -> str:
    """Return the address of the child called ``name`` of the supervisor at ``address``."""
    return f"{address.rstrip('/')}/{name}"


def policies(children: Iterable[Child], parked: Container[str] = ()) -> list[ChildPolicy]:
    """Return what a core must know of ``children``; depending on an app is on all instances.

    Args:
        parked: as in :class:`~.world.World`.
    """
    children = list(children)
    instances: dict[str, list[str]] = {}
    for child in children:
        instances.setdefault(child.spec.name, []).append(child.name)
    made = []
    for child in children:
        needed = {
            name: condition
            for it, condition in child.spec.depends_on.items()
            for name in instances[it]
        }
        policy = replace(policy_of(child.name, child.spec, needed), past=child.past)
        starts = starts_by_itself(child.spec, child.address, parked)
        made.append(policy if starts else replace(policy, autostart=False))
    return made


def starts_by_itself(spec: ChildSpec, address: str, parked: Container[str]) -> bool:
    """Return whether the child at ``address`` starts when its supervisor does."""
    runs_always = spec.restart is Restart.PERMANENT and not spec.stays_stopped
    return spec.autostart and (runs_always or address not in parked)


def policy_of(
    name: str, spec: ChildSpec, depends_on: Mapping[str, Condition] = _NOBODY
) -> ChildPolicy:
    """Return what the core must know of the child called ``name``.

    ``depends_on``: what is to be with other children, all instances by their names.
    """
    match spec:
        case App():
            grace = spec.stop.grace
        case Worker():
            grace = spec.grace
        case _:
            grace = math.inf
    limit, min_uptime = None, 0.0
    if isinstance(spec, App | Worker):
        min_uptime = spec.min_uptime
        if spec.max_restarts is not None:
            limit = Intensity(spec.max_restarts, spec.within)
    return ChildPolicy(
        name,
        spec.restart,
        spec.backoff,
        spec.give_up_after,
        limit,
        spec.exhausted,
        min_uptime,
        significant=spec.significant,
        essential=spec.essential,
        autostart=spec.autostart,
        brutal=grace == 0,
        depends_on=_with(Condition.UP, depends_on),
        after_success=_with(Condition.COMPLETED, depends_on),
        after_end=_with(Condition.ENDED, depends_on),
        is_supervisor=isinstance(spec, Supervisor),
    )


def _with(wanted: Condition, conditions: Mapping[str, Condition]) -> tuple[str, ...]:
    return tuple(name for name, condition in conditions.items() if condition is wanted)
