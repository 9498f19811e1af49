"""What becomes of children when their supervisor gets another spec: decided, and not yet done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from supctl.specs import App, ChildSpec, Supervisor
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
    """

    will: str
    keys: tuple[str, ...] = ()
    because: tuple[str, ...] = ()


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
        return Verdict("changed", _keys(differing, old, new))
    hindering = differing - _taken_over(old, new)
    if state == "starting":
        hindering |= differing & {"ready"}  # it may be what keeps it from being up
    if hindering:
        return Verdict("restarted", _keys(differing, old, new), _keys(hindering, old, new))
    if isinstance(new, Supervisor):
        differing -= {"children", "stop"}  # these are told of its children
    return Verdict("changed" if differing else "", _keys(differing, old, new))


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


def _keys(names: set[str], old: ChildSpec, new: ChildSpec) -> tuple[str, ...]:
    """Return what files call those fields, and what is inside them that differs."""
    ordered = (it.name for it in fields(new) if it.name in names)
    found = [
        key for name in ordered for key in _inside(name, getattr(old, name), getattr(new, name))
    ]
    return tuple(dict.fromkeys(found))


def _inside(name: str, old: Any, new: Any) -> list[str]:
    key, before, after = _KEYS.get(name, name), _parts(old), _parts(new)
    if before is None or after is None or type(old) is not type(new):
        return [key]
    differing = [it for it in {**before, **after} if before.get(it) != after.get(it)]
    return [f"{key}.{it}" for it in differing] or [key]


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
