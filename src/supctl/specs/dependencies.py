"""Who of the children of one supervisor must be up before whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush

from supctl.errors import InvalidConfig

from .policy import Restart


def check_dependencies(children: Mapping[str, tuple[Restart, Sequence[str]]]) -> None:
    """Refuse ``depends_on`` that cannot be kept.

    Args:
        children: restart type and dependencies of each, by name.

    Raises:
        InvalidConfig: a dependency is no sibling, is temporary (once ended, it never comes
            back), or they go round in a circle.
    """
    for name, (_, needed) in children.items():
        for other in needed:
            if other not in children:
                there = ", ".join(sorted(children.keys() - {name})) or "no other"
                wanted = f"names of other children of the same supervisor ({there})"
                raise InvalidConfig(f"children.{name}.depends_on", other, wanted)
            if children[other][0] is Restart.TEMPORARY:
                raise InvalidConfig(
                    f"children.{name}.depends_on", other, "children that are not temporary"
                )
    start_order({name: needed for name, (_, needed) in children.items()})


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
