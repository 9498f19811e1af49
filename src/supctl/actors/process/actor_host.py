"""The program of a process that one actor lives in."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

import trio

from supctl.actors.actor import Actor
from supctl.actors.worker import WorkerActor
from supctl.specs import Worker
from supctl.specs.place import place_of

from .host import Host, rehearse
from .lifeline import Lifeline

ENTRY = f"{__name__}:main"
WARM_UP = f"{__name__}:warm_up"


ACTOR: Final = 1
"""The number of the actor in its process: it is the first."""


def main(read_fd: int, write_fd: int, lifeline_fd: int | None = None) -> None:
    """Live until the actor has ended, or whoever started us is gone, and nobody follows.

    Ends with status 1 if the actor has crashed: who follows them may learn no more than that.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    host = ActorHost()
    lifeline = None if lifeline_fd is None else Lifeline(lifeline_fd)
    trio.run(host.run, read_fd, write_fd, lifeline)
    if host.ended is not None and not host.ended.is_normal:
        sys.exit(1)


def warm_up() -> None:
    """Go through a life: what is touched here, a copy of this process need not make or copy."""
    options = {"kwargs": {}, "grace": 1.0, "blocking": False}
    trio.run(rehearse, ActorHost(), place_of(Actor), (), options)


class ActorHost(Host):
    """Hosts one actor."""

    def make(
        self, address: str, actor: str, args: tuple[Any, ...], options: dict[str, Any]
    ) -> WorkerActor:
        spec = Worker("actor", actor, *args, isolation="process", **options)
        worker = WorkerActor(spec, address, self.hear, self.board.names)
        number = self.board.number_of(worker.life)
        assert number == ACTOR
        return worker

    def fact(self) -> int:
        """Return the number of the actor in this process."""
        return ACTOR
