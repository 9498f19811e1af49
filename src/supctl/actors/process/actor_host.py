"""The program of a process that one actor lives in."""

from __future__ import annotations

import logging
from typing import Any

import trio

from supctl.actors.actor import Actor
from supctl.actors.worker import WorkerActor
from supctl.specs import Worker
from supctl.specs.place import place_of

from .host import Host, rehearse

ENTRY = f"{__name__}:main"
WARM_UP = f"{__name__}:warm_up"


def main(read_fd: int, write_fd: int) -> None:
    """Live until the actor has ended, or whoever started us is gone."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    trio.run(ActorHost().run, read_fd, write_fd)


def warm_up() -> None:
    """Go through a life: what is touched here, a copy of this process need not make or copy."""
    options = {"kwargs": {}, "grace": 1.0, "blocking": False}
    trio.run(rehearse, ActorHost(), place_of(Actor), (), options)


class ActorHost(Host):
    """Hosts one actor."""

    _worker: WorkerActor

    def make(
        self, address: str, actor: str, args: tuple[Any, ...], options: dict[str, Any]
    ) -> WorkerActor:
        spec = Worker("actor", actor, *args, isolation="process", **options)
        self._worker = WorkerActor(spec, address, self.hear, self.board.names)
        return self._worker

    def fact(self) -> int:
        """Return the number of the actor in this process."""
        return self.board.number_of(self._worker.life)
