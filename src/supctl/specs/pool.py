"""``Pool``: the description of equal actors among which work is spread by load."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from supctl.errors import InvalidConfig

from .place import place_of
from .policy import NO_BACKOFF, Start, check_count
from .supervisor import Supervisor, renamed
from .worker import Worker

APPLIER: Final = "supctl.actors.applier:Applier"
"""The actor that calls a plain function."""

_LARGEST: Final = 10_000
"""More would be a slip of the finger."""

_DEATHS: Final = 3
"""Restarts that a pool bears, by default, for each of its members within 5 seconds."""


@dataclass(frozen=True, slots=True, init=False)
class Pool(Supervisor):
    """Copies of one actor or function, ``1`` to ``N``, among which work is spread by load.

    ``tree.pool("address")`` gives it work. Members start all at once. One that dies is started
    again without delay, for work waits; what keeps on dying meets the pool's intensity.

    Args:
        name: as in :class:`Supervisor`.
        actor: what every member is: an actor class, its place as ``"module:Class"``, or a
            function, sync or async, to be called with what each call gives it. A sync one has the
            process of its member to itself; as a task, it runs in a thread.
        args, kwargs: for the actor's constructor; a function gets them before those of a call.
        size: how many members; as many as the machine has processors by default.
        isolation: ``"process"`` (default) or ``"task"``, as in :class:`Worker`.
        blocking: whether the methods of the class may be plain ones, as in :class:`Worker`.
        grace: seconds that a member may take to end.
        hung_after: as in :class:`Worker`; by default members may compute for as long as they like.
        options: those of :class:`Supervisor`, but ``strategy``. ``max_restarts`` is 3 for each
            member by default: a pool is there to lose members, and their number grows with it.

    Raises:
        InvalidConfig: as :class:`Supervisor` and :class:`Worker`.
    """

    actor: Callable[..., Any] | str
    size: int

    def __init__(
        self,
        name: str,
        actor: Callable[..., Any] | str,
        *args: Any,
        kwargs: Mapping[str, Any] | None = None,
        size: int | None = None,
        isolation: str = "process",
        blocking: bool = False,
        grace: float = 5.0,
        hung_after: float | None = None,
        **options: Any,
    ) -> None:
        size = (os.cpu_count() or 1) if size is None else size
        check_count("size", size, 1)
        if size > _LARGEST:
            raise InvalidConfig("size", size, f"1 to {_LARGEST}")
        if "strategy" in options:
            wanted = "no strategy: a pool replaces the member that died, and no other"
            raise InvalidConfig("strategy", options["strategy"], wanted)
        if not isinstance(actor, str | type):
            if blocking:
                raise InvalidConfig("blocking", blocking, "an actor class with it")
            args = _sendable(actor, isolation), *args
        member = Worker(
            "member",
            actor if isinstance(actor, str | type) else APPLIER,
            *args,
            kwargs=kwargs,
            backoff=NO_BACKOFF,
            grace=grace,
            isolation=isolation,
            blocking=blocking,
            hung_after=hung_after,
        )
        members = [renamed(member, str(number)) for number in range(1, size + 1)]
        options = {"max_restarts": _DEATHS * size, "start": Start.CONCURRENT, **options}
        Supervisor.__init__(self, name, members, **options)
        object.__setattr__(self, "actor", actor)
        object.__setattr__(self, "size", size)

    @property
    def is_function(self) -> bool:
        """Whether its members call a function, and are no actors of the user's."""
        return not isinstance(self.actor, str | type)


def _sendable(function: Callable[..., Any], isolation: str) -> Callable[..., Any] | str:
    """Return what a member is told of the function that it is to call."""
    if not callable(function):
        raise InvalidConfig("actor", function, "an actor class, its place, or a function")
    if isolation != "process":
        return function
    if "<" in getattr(function, "__qualname__", "<"):
        wanted = "with isolation='process' a function at the top of a module"
        raise InvalidConfig("actor", function, wanted, "what is made in a function has no place")
    return place_of(function)
