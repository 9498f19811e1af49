"""The program of a process that one actor lives in."""

from __future__ import annotations

import logging
import os
from typing import Any

import trio

from supctl.actors.worker import WorkerActor
from supctl.ipc import Codec
from supctl.ipc import messages as m
from supctl.specs import Worker

from .host import Host

ENTRY = f"{__name__}:main"
WARM_UP = f"{__name__}:warm_up"


def main(read_fd: int, write_fd: int) -> None:
    """Live until the actor has ended, or whoever started us is gone."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    trio.run(ActorHost().run, read_fd, write_fd)


def warm_up() -> None:
    """Go through a life in which nobody wants an actor."""
    read_fd, their_write = os.pipe2(os.O_CLOEXEC)
    their_read, write_fd = os.pipe2(os.O_CLOEXEC)
    codec = Codec()
    for said in ([m.HELLO, m.VERSION, "supervisor", 0, {}], [m.BYE, "that was all"]):
        os.writev(their_write, codec.encode(said))
    main(read_fd, write_fd)
    os.close(their_read)
    os.close(their_write)


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
