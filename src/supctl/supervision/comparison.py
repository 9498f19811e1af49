"""What becomes of children when their supervisor gets another spec: decided, and not yet done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final

from supctl.specs import App, ChildSpec, Log, Supervisor
from supctl.specs.child import UNLESS_STOPPED
from supctl.specs.dependencies import start_order

from .child import expand, join
from .handle import Finder
from .node import Node

_TAKEN_OVER: Final = frozenset({
    *("restart", "stays_stopped", "backoff", "give_up_after", "exhausted", "significant"),
    *("essential", "depends_on", "autostart", "max_restarts", "within", "min_uptime"),
    *("stop_exit_codes", "instances", "tags", "watch", "stop", "log", "ready"),
})  # fmt: skip
"""Fields that say what is done with a child, or when it ends or starts: what runs need not end for
another value."""

_TAKEN_OVER_BY_SUPERVISORS: Final = frozenset({
    *("children", "strategy", "intensity", "auto_shutdown", "start", "start_failures", "stop"),
})  # fmt: skip
"""The same for supervisors; ``stop`` is in the specs of their children, too."""

_STOPPED: Final = frozenset({"stopped", "exited"})

_KEYS: Final = {
    "children": "apps",
    "stays_stopped": "restart",
    "intensity": "max_restarts",
}
"""Keys of files for fields that have another name."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one child.

    Args:
        will: ``"added"``, ``"removed"``, ``"restarted"``, or ``"changed"``: it goes on as it is,
            or does not run, and follows its new spec from then on. Empty if it stays as it is.
        keys: what differs, as files call it: ``"command"``, ``"limits.memory"``, ``"env.PORT"``.
        because: those of them that what runs cannot take over.
        values: what is there now and what the new spec says, by key.
    """

    will: str
    keys: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    values: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, compare=False)


def judge(old: ChildSpec, new: ChildSpec, state: str) -> Verdict:
    """Return what becomes of a child that is in ``state`` when its spec is another."""
    if old == new:
        return Verdict("")
    at_rest = state in _STOPPED
    if type(old) is not type(new):
        return Verdict(
            "changed" if at_rest else "restarted", ("kind",), () if at_rest else ("kind",)
        )
    differing = _differing(old, new)
    if at_rest:
        return _verdict("changed", old, new, differing)
    hindering = differing - _taken_over(old, new)
    if state == "starting":
        hindering |= differing & {"ready"}  # it may be what keeps it from being up
    if hindering:
        return _verdict("restarted", old, new, differing, hindering)
    if isinstance(new, Supervisor):
        differing -= {"children", "stop"}  # these are told of its children
    return _verdict("changed" if differing else "", old, new, differing)


def _verdict(
    will: str,
    old: ChildSpec,
    new: ChildSpec,
    differing: set[str],
    hindering: set[str] | frozenset[str] = frozenset(),
) -> Verdict:
    values = _values(differing, old, new)
    return Verdict(will, tuple(values), tuple(_values(hindering, old, new)), values)


def goes_on(old: ChildSpec, new: ChildSpec) -> bool:
    """Return whether what runs as ``old`` can go on as ``new``."""
    return type(old) is type(new) and _differing(old, new) <= _taken_over(old, new)


def _taken_over(old: ChildSpec, new: ChildSpec) -> frozenset[str]:
    if isinstance(old, App) and isinstance(new, App):
        return _TAKEN_OVER | set(_taken_over_by_app(old, new))
    if not isinstance(new, Supervisor):
        return _TAKEN_OVER
    if not _names_its_children(new):
        return frozenset()
    return _TAKEN_OVER | _TAKEN_OVER_BY_SUPERVISORS


def _taken_over_by_app(old: App, new: App) -> Iterator[str]:
    if old.health and new.health and old.health.can_become(new.health):
        yield "health"
    if old.limits:  # else it has no cgroup, and what is in one already cannot be limited later
        yield "limits"


def _names_its_children(spec: ChildSpec) -> bool:
    return type(spec) is Supervisor and spec.factory is None


def _differing(old: ChildSpec, new: ChildSpec) -> set[str]:
    """Return the names of the fields in which two specs of one kind differ."""
    return {
        it.name
        for it in fields(new)
        if it.compare and getattr(old, it.name) != getattr(new, it.name)
    }


def _values(
    names: set[str] | frozenset[str], old: ChildSpec, new: ChildSpec
) -> dict[str, tuple[Any, Any]]:
    """Return what those fields hold, or what is inside them that differs, by what files call it."""
    found: dict[str, tuple[Any, Any]] = {}
    for it in fields(new):
        if it.name in names:
            found |= _inside(it.name, _value(old, it.name), _value(new, it.name))
    return found


def _value(spec: ChildSpec, name: str) -> Any:
    """Return what a field holds, as files say it: one key of theirs is two fields."""
    if name in ("restart", "stays_stopped"):
        return UNLESS_STOPPED if spec.stays_stopped else spec.restart
    value = getattr(spec, name)
    return Log() if name == "log" and value is None else value


def _inside(name: str, old: Any, new: Any) -> dict[str, tuple[Any, Any]]:
    key, before, after = _KEYS.get(name, name), _parts(old), _parts(new)
    if before is None or after is None or type(old) is not type(new):
        return {key: (old, new)}
    return {
        f"{key}.{it}": (before.get(it), after.get(it))
        for it in {**before, **after}
        if before.get(it) != after.get(it)
    } or {key: (old, new)}


def _parts(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return value
    if not is_dataclass(value) or isinstance(value, type):
        return None
    return {it.name: getattr(value, it.name) for it in fields(value)}


@dataclass(frozen=True, slots=True)
class Steps:
    """What is done below one supervisor, and in which order.

    Args:
        gone: names of those that are stopped first.
        levels: names of those that are there then, those together that do not wait for each other.
        old: the specs by which those run that are there now.
        new: the specs of those that are there then.
    """

    gone: list[str]
    levels: list[list[str]]
    old: Mapping[str, ChildSpec]
    new: Mapping[str, ChildSpec]

    @classmethod
    def of(cls, node: Node, spec: Supervisor) -> Steps:
        """Return what makes a supervisor be what ``spec`` says."""
        address = node.address
        old = {name: node.spec_of(name) for name in node.names()}
        new = {child.name: child.spec for child in expand(spec.children, address)}
        before = [child.name for child in expand(node.spec.children, address)]
        gone = [name for name in before if name in old and name not in new]
        return cls(gone, _levels(spec, new), old, new)


def _levels(spec: Supervisor, children: Mapping[str, ChildSpec]) -> list[list[str]]:
    """Return ``children`` in start order, those together that do not wait for each other."""
    depends_on = {child.name: child.depends_on for child in spec.children}
    depths: dict[str, int] = {}
    for name in start_order(depends_on):
        depths[name] = 1 + max((depths[it] for it in depends_on[name]), default=-1)
    levels: list[list[str]] = [[] for _ in range(1 + max(depths.values(), default=-1))]
    for name, child in children.items():
        levels[depths[child.name]].append(name)
    return levels


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of the child at an address.

    Args:
        address: of the child.
        verdict: what becomes of it.
        state: in which it is now; empty if it is not there.
        runs_then: whether its spec, the new one if it has one, has it start by itself.
    """

    address: str
    verdict: Verdict
    state: str = ""
    runs_then: bool = True


def foresee(tree: Finder, address: str, spec: ChildSpec) -> Iterator[Foreseen]:
    """Yield what would become of the child at ``address`` and all below it if it became ``spec``,
    in the order in which that would be done. What is below an added or restarted one goes with it.

    Raises:
        ProcessNotFound, InvalidState: as :meth:`.handle.Finder.find`.
    """
    node, name = tree.find(address)
    yield from _of_child(node, name, node.spec_of(name), spec)


def _of_child(node: Node, name: str, old: ChildSpec, new: ChildSpec) -> Iterator[Foreseen]:
    state = node.state_of(name)
    verdict = judge(old, new, state)
    yield Foreseen(join(node.address, name), verdict, state, new.autostart)
    below = node.below(name)
    if verdict.will == "restarted" or below is None:
        return
    if isinstance(new, Supervisor) and _names_its_children(new):
        yield from _of_children(below, new)


def _of_children(node: Node, spec: Supervisor) -> Iterator[Foreseen]:
    steps = Steps.of(node, spec)
    for name in steps.gone:
        yield Foreseen(join(node.address, name), Verdict("removed"), node.state_of(name))
    for names in steps.levels:
        for name in names:
            if name not in steps.old:
                runs = steps.new[name].autostart
                yield Foreseen(join(node.address, name), Verdict("added"), "", runs)
        for name in names:
            if name in steps.old:
                yield from _of_child(node, name, steps.old[name], steps.new[name])
