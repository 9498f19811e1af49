"""What the children of one supervisor wait for, of each other, before they start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Protocol, TypeAlias

from supctl.errors import InvalidConfig

from .policy import Restart
from .word import Word


class Condition(Word):
    """What has to be with a child before those that depend on it start for the first time."""

    UP = "up"
    """It is up. They stop before it does."""
    COMPLETED = "completed"
    """It has ended by itself, with success."""
    ENDED = "ended"
    """It has ended and is not restarted, however it ended."""


Dependencies: TypeAlias = Sequence[str] | Mapping[str, Condition | str]
"""Names of siblings that are to be up, or what is to be with each."""


class Sibling(Protocol):
    """A child, as far as others that depend on it are concerned."""

    @property
    def restart(self) -> Restart:
        """Which of its ends are followed by a restart."""
        ...

    @property
    def depends_on(self) -> Mapping[str, Condition]:
        """What it depends on itself."""
        ...

    @property
    def may_end(self) -> bool:
        """Whether there are ends after which it is not restarted, besides failures."""
        ...

    @property
    def may_complete(self) -> bool:
        """Whether such an end can be a success."""
        ...


def read_dependencies(value: Dependencies) -> Mapping[str, Condition]:
    """Return what is to be with each sibling, in the order given.

    Raises:
        InvalidConfig: it is a word, which is no list, or a condition is unknown.
    """
    if isinstance(value, str):
        raise InvalidConfig("depends_on", value, f"a list of names, such as [{value!r}]")
    if not isinstance(value, Mapping):
        return MappingProxyType(dict.fromkeys(value, Condition.UP))
    conditions = {name: Condition.of(f"depends_on.{name}", word) for name, word in value.items()}
    return MappingProxyType(conditions)


def check_dependencies(children: Mapping[str, Sibling]) -> None:
    """Refuse ``depends_on`` that cannot be kept.

    Args:
        children: by name.

    Raises:
        InvalidConfig: a dependency is no sibling, can never be what is waited for, or they go
            round in a circle.
    """
    for name, child in children.items():
        for other, condition in child.depends_on.items():
            if other not in children:
                there = ", ".join(sorted(children.keys() - {name})) or "no other"
                wanted = f"names of other children of the same supervisor ({there})"
                raise InvalidConfig(f"children.{name}.depends_on", other, wanted)
            try:
                check_condition(other, children[other], condition)
            except InvalidConfig as error:
                raise error.within(f"children.{name}") from None
    start_order({name: child.depends_on for name, child in children.items()})


def check_condition(name: str, needed: Sibling, condition: Condition) -> None:
    """Refuse to wait for what can never be with a sibling.

    Raises:
        InvalidConfig: it is to be up, but is temporary (once ended, it never comes back); or it is
            to end, and is always restarted; or to complete, and is a supervisor, of whose end
            nobody can say whether it is a success.
    """
    field = f"depends_on.{name}"
    if condition is Condition.UP:
        if needed.restart is Restart.TEMPORARY:
            mend = f'or wait for its end: {{ {name} = "completed" }}'
            raise InvalidConfig("depends_on", name, "children that are not temporary", mend)
    elif not needed.may_end:
        wanted = f'"up", as {name} is restarted whenever it ends'
        mend = 'or give it restart = "transient" (on-failure) or "temporary" (never)'
        raise InvalidConfig(field, str(condition), wanted, mend)
    elif condition is Condition.COMPLETED and not needed.may_complete:
        wanted = '"up" or "ended" for a supervisor, whose end is neither success nor failure'
        raise InvalidConfig(field, str(condition), wanted)


def start_order(dependencies: Mapping[str, Iterable[str]]) -> list[str]:
    """Return names so that each comes after those it depends on, else in the order given.

    Raises:
        InvalidConfig: they go round in a circle.
    """
    sorter = TopologicalSorter(dependencies)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise InvalidConfig(
            f"children.{error.args[1][0]}.depends_on",
            circle,
            "no circle: one of them must be first",
        ) from None
    names = list(dependencies)
    places = {name: place for place, name in enumerate(names)}
    ready: list[int] = []
    order: list[str] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, places[name])
        first = names[heappop(ready)]
        order.append(first)
        sorter.done(first)
    return order
