"""The cast of a rehearsal: a tree in which every program and every actor has a stand-in."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from supctl.backends.scripts import Script
from supctl.specs import App, ChildSpec, Notify, Output, Ready, Stop, Supervisor, Worker
from supctl.specs.dependencies import Condition
from supctl.specs.ignore import Ignore
from supctl.supervision.child import join, names_of, own_spec

Audition: TypeAlias = Callable[[str, App | Worker], Script]
"""Returns what the stand-in of a child does, from the child's address and spec."""


class Cast:
    """Puts stand-ins into trees.

    A stand-in is an app of the same name and the same policies whose command is its address;
    ``programs`` says what that does. It stands in for one instance of an app, or for a worker:
    the code of an actor is not run, it could wait for things that are not there.

    Args:
        audition: asked once for each address.

    Attributes:
        programs: by address, what the stand-ins do, for a simulated backend.
        is_complete: whether all are known; those that a supervisor makes at its start are not.
    """

    def __init__(self, audition: Audition) -> None:
        self._audition = audition
        self.programs: dict[str, Script] = {}
        self.is_complete = True

    def stage(self, spec: Supervisor, address: str = "/") -> Supervisor:
        """Return ``spec`` with a stand-in for every app and worker below it.

        Children that are made at every start are replaced as they are made.
        """
        staged = copy.copy(spec)
        # A rehearsal is one process: who shares one with whom makes no difference there.
        _put(staged, children=tuple(self._stand_ins(spec.children, address)), isolation="task")
        if spec.factory is not None:
            self.is_complete = False
            _put(staged, factory=lambda: self._made(spec, address))
        return staged

    def _made(self, spec: Supervisor, address: str) -> tuple[ChildSpec, ...] | Ignore:
        made = spec.make_children()
        return made if isinstance(made, Ignore) else tuple(self._stand_ins(made, address))

    def _stand_ins(self, children: Iterable[ChildSpec], address: str) -> Iterator[ChildSpec]:
        children = list(children)
        instances = {child.name: names_of(child) for child in children}
        for child in children:
            needed = {
                name: condition
                for it, condition in child.depends_on.items()
                for name in instances[it]
            }
            for name in instances[child.name]:
                own = own_spec(child, name)
                yield self._stand_in(own, name, needed, join(address, name))

    def _stand_in(
        self, child: ChildSpec, name: str, needed: Mapping[str, Condition], address: str
    ) -> ChildSpec:
        if isinstance(child, Supervisor):
            staged = self.stage(child, address)
            return _put(staged, depends_on=needed)
        if address not in self.programs:
            self.programs[address] = self._audition(address, child)
        app = copy.copy(child) if isinstance(child, App) else _app_for(child)
        # The name of an instance, api:2, is none that a spec may be given by its writer.
        if isinstance(app.ready, Ready) and isinstance(app.ready.probe, Output):
            _put(app, ready=replace(app.ready, probe=Notify()))  # stand-ins print nothing
        _put(app, name=name, command=(address,), depends_on=needed)
        return _put(app, cwd=None, env=MappingProxyType({}), user=None, group=None)


def _app_for(worker: Worker) -> App:
    return App(
        worker.name,
        [worker.name],
        restart=worker.restart,
        backoff=worker.backoff,
        give_up_after=worker.give_up_after,
        max_restarts=worker.max_restarts,
        within=worker.within if worker.max_restarts is not None else None,
        exhausted=worker.exhausted,
        min_uptime=worker.min_uptime,
        significant=worker.significant,
        essential=worker.essential,
        stop=Stop(grace=worker.grace),
    )


def _put(spec: ChildSpec, **fields: object) -> ChildSpec:
    """Set fields of a copy of ours; specs are immutable for everybody else."""
    for name, value in fields.items():
        object.__setattr__(spec, name, value)
    return spec
