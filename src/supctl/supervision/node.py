"""A supervisor that runs, as handles see it: wherever it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

from supctl.actors.incarnation import Checkup
from supctl.actors.ref import Ref
from supctl.exits import ExitReason
from supctl.specs import ChildSpec, Supervisor
from supctl.specs.dependencies import Condition

from .messages import Counts
from .status import ChildStatus


class Node(ABC):
    """One life of a supervisor. Children are known by the last part of their address.

    What is asked of a child that is not there raises KeyError, unless something else is said.

    Args:
        spec: what it was made of.
        address: ``/`` for the root.
    """

    def __init__(self, spec: Supervisor, address: str) -> None:
        self.spec, self.address = spec, address

    @abstractmethod
    def next_number(self) -> int:
        """Return a new number for an instance that has no other name."""

    # What is to be seen.

    @property
    @abstractmethod
    def state(self) -> str:
        """The state as people see it: ``starting``, ``running``, ``stopping``."""

    @abstractmethod
    def names(self) -> Collection[str]:
        """Return the names of all children, in start order."""

    @abstractmethod
    def spec_of(self, name: str) -> ChildSpec:
        """Return what a child was made of."""

    @abstractmethod
    def state_of(self, name: str) -> str:
        """Return the state of a child as people see it."""

    @abstractmethod
    def pid_of(self, name: str) -> int:
        """Return the pid of a child's main process; 0 if it has none now."""

    @abstractmethod
    def restarts_of(self, name: str) -> int:
        """Return how often a child was restarted automatically."""

    @abstractmethod
    def reason_of(self, name: str) -> ExitReason | None:
        """Return why a child ended last; ``None`` if it never did."""

    @abstractmethod
    def status_of(self, name: str, depth: int = 0) -> ChildStatus:
        """Return a view of a child at this moment. Within trio only, which has the clock."""

    @abstractmethod
    def below(self, name: str) -> Node | None:
        """Return the present life of a child that is a supervisor; ``None`` if there is none."""

    @abstractmethod
    def ref_of(self, name: str) -> Ref[Any] | None:
        """Return a reference to the present life of an actor; ``None`` if there is none."""

    def status(self, depth: int = 0) -> list[ChildStatus]:
        """Return a view of every child below, in start order, each before its own children."""
        rows: list[ChildStatus] = []
        for name in self.names():
            rows.append(self.status_of(name, depth))
            if (below := self.below(name)) is not None:
                rows += below.status(depth + 1)
        return rows

    # What can be done with it.

    @abstractmethod
    def signal(self, name: str, number: int) -> None:
        """Send a signal to the process of a child. Does nothing if it has none. Never blocks."""

    @abstractmethod
    def pause(self, name: str) -> None:
        """Have all processes of an app that runs stand still. Never blocks."""

    @abstractmethod
    def resume(self, name: str) -> None:
        """Let the processes of an app that is paused go on. Never blocks."""

    @abstractmethod
    def reset(self, name: str) -> None:
        """Count the automatic restarts of a child from 0 again. Never blocks."""

    @abstractmethod
    async def start(self, name: str) -> None:
        """Start a child that does not run; also a temporary one that has ended.

        Raises:
            InvalidState, StartFailed: as :meth:`SupervisorHandle.restart_child`.
        """

    @abstractmethod
    async def begin(self, name: str) -> None:
        """Start a child that does not run, or let it wait for what it depends on.

        Raises:
            InvalidState, StartFailed: as :meth:`start`.
        """

    @abstractmethod
    async def stop(self, name: str, force: bool = False) -> None:
        """Stop a child, if it has not ended for good, and return when nothing of it lives.

        With ``force`` it is killed at once, whatever is under way.
        """

    @abstractmethod
    async def renew(self, name: str) -> None:
        """Stop a child and start it, in one; who asks meanwhile for the same joins in.

        Raises:
            StartFailed: it did not start.
        """

    @abstractmethod
    async def drop(self, name: str) -> None:
        """Stop a child and forget it.

        Raises:
            InvalidState: somebody has started it in between.
        """

    @abstractmethod
    async def respecify(self, spec: Supervisor) -> None:
        """Have it, and its children, be made of ``spec`` from now on (OTP's ``code_change``).

        Nothing is started or stopped: what is new does not run, what is not in it stays.
        """

    @abstractmethod
    async def checkup(self, name: str) -> Checkup | None:
        """Return what is known of the present life of a child by asking it; ``None`` if it has
        none, or nobody asks."""

    # OTP's requests, as SupervisorHandle describes them. They raise what that says.

    @abstractmethod
    async def add_child(self, spec: ChildSpec, depends_on: Mapping[str, Condition]) -> bool:
        """Add a child and start it; return whether it runs."""

    @abstractmethod
    async def terminate_child(self, name: str) -> None:
        """Stop a child."""

    @abstractmethod
    async def restart_child(self, name: str) -> bool:
        """Start a child that does not run; return whether it runs."""

    @abstractmethod
    async def delete_child(self, name: str) -> None:
        """Forget a child that does not run."""

    @abstractmethod
    async def which_children(self) -> list[ChildStatus]:
        """Return a view of every child, the latest first."""

    @abstractmethod
    async def count_children(self) -> Counts:
        """Return how many there are and live."""

    @abstractmethod
    async def get_child_spec(self, name: str) -> ChildSpec:
        """Return the spec of a child."""
