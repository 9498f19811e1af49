"""A world of scripted programs in virtual time: the fixture ``simulated_world``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import trio

from supctl.backends.simulated import Script, SimulatedBackend
from supctl.errors import InvalidConfig
from supctl.specs import App, Supervisor, Worker

from .shelf import Shelf
from .stage import simulated_stage
from .tree import Supervised, SupervisedTree, root_of


class SimulatedWorld:
    """Runs trees whose programs are scripts. An hour takes as long as its arithmetic.

    Args:
        nursery: the trees live in it.
        shelf: keeps what the report of the test may need.

    Attributes:
        programs: by the first word of a command, what it does. May be changed at any time;
            a start that fails or takes long is ``Program(fails_to_start=errno.ENOMEM)`` or
            ``Program(start_delay=3.0)``, and a list is one after the other.
        backends: what runs them, one for each tree.
    """

    def __init__(self, nursery: trio.Nursery, shelf: Shelf) -> None:
        self._supervised = Supervised(nursery, shelf)
        self.programs: dict[str, Script] = {}
        self.backends: list[SimulatedBackend] = []

    async def __call__(
        self,
        *specs: Supervisor | App | Worker,
        programs: Mapping[str, Script] | None = None,
    ) -> SupervisedTree:
        """Start a tree and return it when all children of the root run.

        Args:
            specs: one :class:`Supervisor`, or the children of a root that bears any number of
                restarts.
            programs: added to those of the world.

        Raises:
            StartFailed: a child of the root did not start; what had started is stopped again.
            InvalidConfig: something else was given, or a program that is not of this world.
        """
        root = root_of("simulated_world", specs)
        self.programs.update(programs or {})
        for app in _apps_of(root):
            if app.command[0] not in self.programs:
                wanted = (
                    f"a program of this world, such as {', '.join(self.programs) or 'none yet'}"
                )
                mend = "add it to simulated_world.programs; real programs are for supervised"
                raise InvalidConfig(f"{app.name}.command", app.command[0], wanted, mend)
        backend = SimulatedBackend()
        backend.programs = self.programs
        self.backends.append(backend)
        return await self._supervised.start(root, partial(simulated_stage, backend=backend))


def _apps_of(supervisor: Supervisor) -> Iterator[App]:
    for child in supervisor.children:
        if isinstance(child, App):
            yield child
        elif isinstance(child, Supervisor):
            yield from _apps_of(child)
