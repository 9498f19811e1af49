"""What is said of a subtree between its process and the one above, as messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from signal import Signals
from types import MappingProxyType
from typing import Any, Final

from supctl import events
from supctl.actors.incarnation import Checkup
from supctl.backends import base
from supctl.ipc.extensions import MARKS, RECORD, Form
from supctl.ipc.registry import DEFAULT, type_name
from supctl.specs import (
    App,
    Backoff,
    ChildSpec,
    DynamicSupervisor,
    PartitionSupervisor,
    Pool,
    Secret,
    Sources,
    Supervisor,
    Worker,
    dependencies,
    health,
    log,
    policy,
    probe,
)
from supctl.specs.app import Limits, Stop
from supctl.specs.ignore import Ignore
from supctl.specs.place import found_at, place_of
from supctl.supervision.messages import Context, Counts
from supctl.supervision.status import ChildStatus


@dataclass(frozen=True, slots=True)
class FoundFactory:
    """A function that makes the children of a supervisor, by its place."""

    place: str

    def __call__(self) -> Any:
        """Find it, and call it."""
        children: tuple[ChildSpec, ...] | Ignore = found_at(self.place)()
        return children


def _plain(value: Any) -> Any:
    """Return what a field of a spec is sent as."""
    if isinstance(value, MappingProxyType):
        return dict(value)
    if isinstance(value, FoundFactory):
        return value.place
    return place_of(value) if callable(value) else value


def _dump(name: str) -> Callable[[Any], Form]:
    def dump(spec: Any) -> Form:
        held = {item.name: _plain(getattr(spec, item.name)) for item in fields(spec)}
        return [MARKS[RECORD], name, held]

    return dump


def _load(kind: type) -> Callable[[Any], Any]:
    """Return what rebuilds a spec. It was checked when it was made, and comes from ourselves."""

    def load(held: dict[str, Any]) -> Any:
        spec: Any = object.__new__(kind)
        for name, value in held.items():
            if name == "factory" and value is not None:
                value = FoundFactory(value)
            fit = MappingProxyType(value) if isinstance(value, dict) else value
            object.__setattr__(spec, name, fit)
        return spec

    return load


def _dump_pattern(pattern: re.Pattern[bytes]) -> Form:
    return [MARKS[RECORD], "re.Pattern", {"pattern": pattern.pattern, "flags": pattern.flags}]


DEFAULT.dumps[re.Pattern] = _dump_pattern
DEFAULT.loads["re.Pattern"] = lambda held: re.compile(**held)

_SPECS: Final = (
    App, Worker, Supervisor, DynamicSupervisor, PartitionSupervisor, Pool, base.ProcessSpec
)  # fmt: skip

for described in _SPECS:
    DEFAULT.dumps[described] = _dump(type_name(described))
    DEFAULT.loads[type_name(described)] = _load(described)

for kind in (
    *(policy.AutoShutdown, policy.Jitter, policy.Restart, policy.Start, policy.Strategy),
    *(policy.Exhausted, policy.StartFailures, dependencies.Condition),
    *(policy.Intensity, policy.StartRate, Backoff, Limits, Stop, Sources),
    *(log.Log, log.LogMode, log.LogTarget, log.Every, log.Compress, log.WhenFull),
    *(health.Ready, health.Health, probe.Tcp, probe.Http, probe.Exec, probe.Output),
    *(probe.Delay, probe.Notify, probe.Watchdog, Secret),
    *(base.Exited, base.Gone, base.Left, base.Lost, base.PythonSpec),
    *(Checkup, ChildStatus, Context, Counts, Signals),
    *(
        it
        for it in vars(events).values()
        if isinstance(it, type) and issubclass(it, events.Event) and it is not events.Event
    ),
):
    DEFAULT.register(kind)
